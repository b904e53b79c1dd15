// A pipeline's graph: a box a step in the colour of its state, a line for what it needs. Boxes lead to their runs.

import { ask } from "../../../shared/api.js";
import { html, useLoaded, useMemo } from "../../../shared/html.js";
import { clock, Status, wordOf } from "../../parts/figures.js";
import { Loaded } from "../../parts/states.js";

// Pixels.
const BOX = { width: 200, height: 52 };
const GAP = { across: 56, down: 18 };
const MARGIN = 8;

const KINDS = { Completed: "good", Failed: "bad", Canceled: "ended", NotStarted: "waits" };

export function Tab({ run, parts }) {
  const graph = useLoaded(() => ask("GET", `/jobs/${encodeURIComponent(run.name)}/graph`), [run.name, parts.graph]);
  return html`<${Loaded} of=${graph}>${({ steps }) => html`
    <div class="stack"><${Graph} steps=${steps} /><${Steps} steps=${steps} /></div>`}<//>`;
}

function Graph({ steps }) {
  const { places, width, height } = useMemo(() => laidOut(steps), [steps]);
  return html`
    <div class="panel scroll" tabindex="0" role="group" aria-label="The graph; the table below has the same steps">
      <svg class="graph" width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`}>
        ${steps.flatMap((step) => step.needs.map((need) => html`<path key=${`${need} ${step.name}`} d=${curve(places.get(need), places.get(step.name))} />`))}
        ${steps.map((step) => html`<${Box} key=${step.name} step=${step} place=${places.get(step.name)} />`)}
      </svg>
    </div>`;
}

function Box({ step, place }) {
  const told = step.reused_from ? "reused" : wordOf(step.status);
  return html`
    <a href=${`/jobs/${encodeURIComponent(step.reused_from ?? step.run)}`} aria-label=${`${step.name}, ${told}`}>
      <g class=${`box ${KINDS[step.status] ?? "works"}`} transform=${`translate(${place.x} ${place.y})`}>
        <title>${step.name}: ${told}${step.error ? `\n${step.error}` : ""}</title>
        <rect width=${BOX.width} height=${BOX.height} rx="8" />
        <text x="12" y="21" class="box-name">${step.name.length > 24 ? `${step.name.slice(0, 23)}…` : step.name}</text>
        <text x="12" y="40" class="box-state">${told}</text>
      </g>
    </a>`;
}

/** Columns as the server says; in them, near what a step needs, so that lines cross little. */
function laidOut(steps) {
  const columns = [];
  for (const step of steps) (columns[step.column] ??= []).push(step);
  const places = new Map();
  columns.forEach((column, index) => {
    const middle = ({ needs }) => needs.reduce((sum, need) => sum + places.get(need).y, 0) / (needs.length || 1);
    if (index) column.sort((a, b) => middle(a) - middle(b));
    column.forEach((step, row) => places.set(step.name, {
      x: MARGIN + index * (BOX.width + GAP.across),
      y: MARGIN + row * (BOX.height + GAP.down),
    }));
  });
  const rows = Math.max(1, ...columns.map((column) => column.length));
  return {
    places,
    width: 2 * MARGIN + columns.length * (BOX.width + GAP.across) - GAP.across,
    height: 2 * MARGIN + rows * (BOX.height + GAP.down) - GAP.down,
  };
}

function curve(from, to) {
  const start = { x: from.x + BOX.width, y: from.y + BOX.height / 2 };
  const end = { x: to.x, y: to.y + BOX.height / 2 };
  const bend = (end.x - start.x) / 2;
  return `M${start.x} ${start.y} C${start.x + bend} ${start.y} ${end.x - bend} ${end.y} ${end.x} ${end.y}`;
}

function Steps({ steps }) {
  const seconds = ({ started, ended }) => (started === null ? null : (ended ?? Date.now() / 1000) - started);
  return html`
    <div class="panel scroll" tabindex="0" role="group" aria-label="Steps"><table class="plain">
      <thead><tr><th scope="col">Step</th><th scope="col">What it is</th><th scope="col">State</th><th scope="col">Time</th><th scope="col">Run</th></tr></thead>
      <tbody>${steps.map((step) => html`
        <tr key=${step.name}><th scope="row">${step.name}</th><td>${step.kind}</td>
          <td><${Status} status=${step.status} />${step.error && html`<p class="error">${step.error}</p>`}</td><td>${clock(seconds(step))}</td>
          <td><a href=${`/jobs/${encodeURIComponent(step.reused_from ?? step.run)}`}>${step.reused_from ? `reused: ${step.reused_from}` : step.run}</a></td></tr>`)}
      </tbody>
    </table></div>`;
}
