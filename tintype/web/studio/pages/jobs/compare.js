// Runs side by side: parameters that differ, metrics, and their curves in one picture.

import { ask } from "../../../shared/api.js";
import { html, useLoaded, useMemo, useState } from "../../../shared/html.js";
import { useEvents } from "../../events.js";
import { CommandLine, quoted } from "../../parts/command_line.js";
import { figure, Status } from "../../parts/figures.js";
import { colour, LineChart, useTheme } from "../../parts/line_chart.js";
import { Empty, Loaded } from "../../parts/states.js";
import { flat } from "./overview.js";

const MOST = 8;

// What tells a run from others without being asked for.
const UNTELLING = new Set(["name", "display_name"]);

export function Page({ query }) {
  const names = [...new Set(query.getAll("name"))].slice(0, MOST);
  const runs = useLoaded(() => Promise.all(names.map(loadRun)), [names.join("\n")]);
  useEvents("runs", runs.reload, [names.join("\n")]);
  return html`
    <div class="stack">
      <div class="page-head"><h1>Compare runs</h1><a href="/jobs">All jobs</a></div>
      ${names.length < 2 ? html`<${Empty} title="Nothing to compare"><p class="hint">Choose two runs or more in the list.</p><a class="button" href="/jobs">Jobs</a><//>`
        : html`<${Loaded} of=${runs}>${(found) => html`<${Comparison} runs=${found} />`}<//>`}
      ${names.length > 1 && html`<${CommandLine} command=${names.map((name) => `tintype job show --name ${quoted(name)}`)} />`}
    </div>`;
}

/** A run with its metrics; one that is gone says so, and does not take the others with it. */
async function loadRun(name) {
  const path = `/jobs/${encodeURIComponent(name)}`;
  try {
    const [run, metrics] = await Promise.all([ask("GET", path), ask("GET", `${path}/metrics`)]);
    return { run, metrics };
  } catch (error) {
    return { run: { name, display_name: name, status: "Missing", document: {}, metrics: {} }, metrics: [], error };
  }
}

function Comparison({ runs }) {
  const [all, setAll] = useState(false);
  useTheme();
  const parameters = useMemo(() => rowsOf(runs, ({ run }) => flat(run.document).filter(([key]) => !UNTELLING.has(key))), [runs]);
  const measured = useMemo(() => rowsOf(runs, metricsOf), [runs]);
  const differing = parameters.filter(({ values }) => new Set(values.map(String)).size > 1);
  const curves = useMemo(() => curvesOf(runs), [runs]);
  const shown = all ? parameters : differing;
  return html`
    ${runs.filter(({ error }) => error).map(({ run, error }) => html`<p key=${run.name} class="error" role="alert">${error.message}</p>`)}
    <section class="panel" aria-labelledby="table">
      <div class="row spread"><h2 id="table">${all ? "All parameters" : "Parameters that differ"}</h2>
        <label class="row"><input type="checkbox" checked=${all} onChange=${(event) => setAll(event.target.checked)} />Show those that are equal, too</label></div>
      <div class="scroll" tabindex="0" role="group" aria-label="Runs side by side"><table class="plain compare">
        <thead><tr><th scope="col"><span class="unseen">Key</span></th>${runs.map(({ run }, index) => html`
          <th scope="col" key=${run.name}><span class="line-key" style=${{ background: colour(index) }}></span><a href=${`/jobs/${encodeURIComponent(run.name)}`}>${run.display_name}</a><br /><${Status} status=${run.status} /></th>`)}</tr></thead>
        <tbody>
          ${shown.map(({ key, values }) => html`<tr key=${key}><th scope="row">${key}</th>${values.map((value, index) => html`<td key=${index}>${figure(value)}</td>`)}</tr>`)}
        </tbody>
      </table></div>
      ${!shown.length && html`<p class="hint">They were asked for the same.</p>`}
    </section>
    ${measured.length > 0 && html`
      <section class="panel" aria-labelledby="measured"><h2 id="measured">Metrics</h2>
        <div class="scroll" tabindex="0" role="group" aria-label="Metrics side by side"><table class="plain compare">
          <thead><tr><th scope="col"><span class="unseen">Metric</span></th>${runs.map(({ run }) => html`<th scope="col" key=${run.name}>${run.display_name}</th>`)}</tr></thead>
          <tbody>${measured.map(({ key, values }) => html`<tr key=${key}><th scope="row">${key}</th>${values.map((value, index) => html`<td key=${index} class=${value !== undefined && best(key, values) === value ? "best" : ""}>${figure(value)}</td>`)}</tr>`)}</tbody>
        </table></div>
      </section>`}
    <div class="charts">${curves.map(({ name, lines }) => html`<div class="panel" key=${name}><${LineChart} title=${name} lines=${lines} /></div>`)}</div>`;
}

/** The metrics of the finished model; of one that still learns, what was logged last. */
function metricsOf({ run, metrics }) {
  const finished = Object.entries(run.metrics);
  return finished.length ? finished : metrics.filter(({ name }) => name !== "epoch").map(({ name, values }) => [name, values.at(-1)]);
}

/** `[{key, values}]` with a value for each run, undefined where it has none. */
function rowsOf(runs, pairsOf) {
  const pairs = runs.map((run) => new Map(pairsOf(run)));
  const keys = [...new Set(pairs.flatMap((each) => [...each.keys()]))];
  return keys.map((key) => ({ key, values: pairs.map((each) => each.get(key)) }));
}

/** The best of a metric; null where that cannot be told, or all are alike. */
function best(key, values) {
  const numbers = values.filter((value) => typeof value === "number");
  if (new Set(numbers).size < 2) return null;
  return /loss|error/.test(key) ? Math.min(...numbers) : Math.max(...numbers);
}

function curvesOf(runs) {
  const names = [...new Set(runs.flatMap(({ metrics }) => metrics.filter(({ points }) => points > 1).map(({ name }) => name)))].filter((name) => name !== "epoch").sort();
  return names.map((name) => ({
    name,
    lines: runs.map(({ run, metrics }) => {
      const series = metrics.find((each) => each.name === name);
      return { name: run.display_name, steps: series?.steps ?? [], values: series?.values ?? [] };
    }),
  }));
}
