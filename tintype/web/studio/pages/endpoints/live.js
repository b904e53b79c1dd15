// Requests, latency and errors as they happen: what the gateway counts, asked for when it says that there is more.

import { ask } from "../../../shared/api.js";
import { html, percent, useEffect, useRef, useState } from "../../../shared/html.js";
import { CommandLine } from "../../parts/command_line.js";
import { figure } from "../../parts/figures.js";
import { LineChart } from "../../parts/line_chart.js";
import { Failure } from "../../parts/states.js";
import { between, total } from "./counted.js";

const MOST_POINTS = 600;

export function Tab({ endpoint, path, parts }) {
  const [points, setPoints] = useState([]);
  const [counted, setCounted] = useState(null);
  const [error, setError] = useState(null);
  const last = useRef(null);
  useEffect(() => {
    const controller = new AbortController();
    ask("GET", `${path}/metrics`, undefined, { signal: controller.signal }).then((found) => {
      const before = last.current;
      last.current = found;
      setError(null);
      setCounted(found);
      // Counts that became less are those of a daemon that was started anew.
      if (!before || total(found).requests < total(before).requests) return;
      setPoints((all) => [...all, between(before, found)].slice(-MOST_POINTS));
    }, (failure) => controller.signal.aborted || setError(failure));
    return () => controller.abort();
  }, [path, parts.metrics]);
  if (error) return html`<${Failure} error=${error} />`;
  if (!counted) return html`<p role="status" class="wait">Loading …</p>`;
  const began = points[0]?.at ?? 0;
  const steps = points.map(({ at }) => at - began);
  const line = (name, key) => ({ name, steps, values: points.map((point) => point[key]) });
  return html`
    <div class="stack">
      <${Totals} counted=${counted} />
      ${points.length ? html`
        <div class="charts">
          <div class="panel"><${LineChart} title="Requests a second" xTitle="seconds" lines=${[line("all", "rate"), line("errors", "errorRate")]} /></div>
          <div class="panel"><${LineChart} title="Latency, ms" xTitle="seconds" lines=${[line("half", "p50"), line("95 of 100", "p95")]} /></div>
        </div>` : html`<p class="hint" role="status">Curves begin with the next request. The playground sends some.</p>`}
      <p class="hint">Counted since the daemon began. Prometheus reads the same at /metrics of the gateway, with its key. Latencies are estimated from counts by bound.</p>
      <${CommandLine} command=${`curl -H "Authorization: Bearer $METRICS_KEY" ${new URL("/metrics", endpoint.scoring_uri).href}`} />
    </div>`;
}

function Totals({ counted }) {
  const rows = Object.entries(counted.deployments);
  return html`
    <section class="panel scroll" tabindex="0" aria-label="Requests by deployment"><table class="plain">
      <thead><tr>${["Deployment", "Requests", "Errors", "Mean, ms", "Half within, ms", "95 of 100 within, ms", "Restarts"].map((title) => html`<th key=${title} scope="col">${title}</th>`)}</tr></thead>
      <tbody>${rows.map(([name, one]) => {
        const { requests, errors, p50, p95 } = between({ bounds: counted.bounds, deployments: {}, at: 0 }, { ...counted, deployments: { [name]: one } });
        return html`
          <tr key=${name}><th scope="row">${name || "none was reached"}</th><td>${requests.toLocaleString("en")}</td><td>${errors ? `${errors.toLocaleString("en")} (${percent(errors / requests, 1)})` : "0"}</td>
            <td>${requests ? figure(1000 * one.seconds / requests) : ""}</td><td>${figure(p50)}</td><td>${figure(p95)}</td><td>${one.restarts}</td></tr>`;
      })}
      ${!rows.length && html`<tr><td colspan="7" class="hint">No request yet.</td></tr>`}</tbody>
    </table></section>`;
}
