// The trials of a sweep while it runs: which parameters lead where, how each learns, and all of them in a table.

import { ask } from "../../../shared/api.js";
import { counted, html, useLoaded, useMemo, useState } from "../../../shared/html.js";
import { clock, figure, Status } from "../../parts/figures.js";
import { LineChart } from "../../parts/line_chart.js";
import { ParallelCoordinates } from "../../parts/parallel_coordinates.js";
import { Loaded } from "../../parts/states.js";
import { Table } from "../../parts/table.js";

// Curves of more trials say nothing.
const MOST_CURVES = 12;

// Seconds: whoever set no limit has one in years.
const FOREVER = 30 * 86_400;

export function Tab({ run, parts }) {
  const sweep = useLoaded(() => ask("GET", `/jobs/${encodeURIComponent(run.name)}/trials`), [run.name, parts.trials]);
  return html`<${Loaded} of=${sweep}>${(found) => html`<${Sweep} sweep=${found} running=${!run.ended_at} />`}<//>`;
}

/** What a trial has come to: its metric, or the last that it has told. */
const reached = (trial) => trial.metric ?? trial.intervals.at(-1) ?? null;

function Sweep({ sweep, running }) {
  const [sorted, setSorted] = useState({ by: "number", descending: false });
  const [lit, setLit] = useState(null);
  const { metric, trials } = sweep;
  const names = useMemo(() => [...new Set(trials.flatMap((trial) => Object.keys(trial.parameters)))], [trials]);
  const rows = useMemo(() => [...trials].sort(order(sorted)), [trials, sorted]);
  const lines = useMemo(
    () => [...trials].filter((trial) => trial.intervals.length > 1).sort((a, b) => (reached(b) ?? -Infinity) - (reached(a) ?? -Infinity)).slice(0, MOST_CURVES)
      .map((trial) => ({ name: `trial ${trial.number}`, steps: trial.intervals.map((_, index) => index + 1), values: trial.intervals })),
    [trials],
  );
  const left = sweep.deadline - Date.now() / 1000;
  const ended = trials.filter(({ state }) => state !== "running").length;
  const columns = [
    { key: "number", title: "Trial", sort: "number", width: "6rem", draw: (trial) => html`<a href=${`/jobs/${encodeURIComponent(trial.run)}`}>${trial.number}</a>${trial.number === sweep.best_trial && html` <strong>best</strong>`}` },
    { key: "metric", title: metric, sort: "metric", width: "7rem", end: true, draw: (trial) => figure(reached(trial)) },
    { key: "state", title: "State", width: "9rem", draw: (trial) => html`<span title=${trial.error ?? ""}><${Status} status=${trial.state} /></span>` },
    { key: "seconds", title: "Time", sort: "seconds", width: "5rem", end: true, draw: (trial) => clock(trial.seconds) },
    { key: "model", title: "Model", width: "minmax(9rem, 1fr)", draw: (trial) => trial.model },
    ...names.map((name) => ({ key: `parameter ${name}`, title: name, sort: `parameter ${name}`, width: "minmax(7rem, 1fr)", end: true, draw: (trial) => figure(trial.parameters[name]) })),
  ];
  const sort = (by) => setSorted({ by, descending: sorted.by === by ? !sorted.descending : by === "metric" });
  return html`
    <div class="stack">
      <p class="hint" role="status">${ended} of ${sweep.max_trials === null ? counted(trials.length, "trial") : `at most ${counted(sweep.max_trials, "trial")}`} ended${running && left < FOREVER ? `, ${clock(Math.max(0, left))} left` : ""}.</p>
      ${trials.length > 1 && html`
        <section class="panel" aria-labelledby="parallel"><h2 id="parallel">Parameters and where they led</h2>
          <${ParallelCoordinates} trials=${trials} metric=${metric} reached=${reached} lit=${lit} onLit=${setLit} /></section>`}
      ${lines.length > 0 && html`<div class="panel"><${LineChart} title=${metric} lines=${lines} xTitle="evaluation" /></div>`}
      <${Table} label="Trials" columns=${columns} rows=${rows} total=${rows.length} sorted=${sorted} onSort=${sort} rowKey=${(trial) => trial.number} />
      ${sweep.notes.length > 0 && html`<section class="panel" aria-labelledby="notes"><h2 id="notes">Notes</h2><ul class="stack tight">${sweep.notes.map((note, index) => html`<li key=${index}>${note}</li>`)}</ul></section>`}
    </div>`;
}

function order({ by, descending }) {
  const value = (trial) => (by === "metric" ? reached(trial) : by.startsWith("parameter ") ? trial.parameters[by.slice(10)] ?? null : trial[by]);
  const sign = descending ? -1 : 1;
  return (a, b) => {
    const [left, right] = [value(a), value(b)];
    // What has none comes last, either way.
    if (left === null || right === null) return (left === null) - (right === null);
    if (typeof left === "number" && typeof right === "number") return sign * (left - right);
    return sign * String(left).localeCompare(String(right));
  };
}
