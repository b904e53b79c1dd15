// A pipeline's graph: a box a step in the colour of its state, a line for what it needs.

import { html, useMemo } from "./html.js";

// Pixels.
const BOX = { width: 200, height: 52 };
const GAP = { across: 56, down: 18 };
const MARGIN = 8;

const KINDS = { Completed: "good", Failed: "bad", Canceled: "ended", NotStarted: "waits" };

/** steps: `{name, status, column, needs, reused_from, error}`, what is needed first; href(step): where a box leads. */
export function StepGraph({ steps, href = null }) {
  const { places, width, height } = useMemo(() => laidOut(steps), [steps]);
  return html`
    <div class="scroll" tabindex="0" role="group" aria-label="The graph; the table below has the same steps">
      <svg class="graph" width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`}>
        ${steps.flatMap((step) => step.needs.map((need) => html`<path key=${`${need} ${step.name}`} d=${curve(places.get(need), places.get(step.name))} />`))}
        ${steps.map((step) => html`<${Box} key=${step.name} step=${step} place=${places.get(step.name)} href=${href?.(step)} />`)}
      </svg>
    </div>`;
}

function Box({ step, place, href }) {
  const told = step.reused_from ? "reused" : step.status === "NotStarted" ? "Not started" : step.status;
  return html`
    <${href ? "a" : "g"} href=${href} role=${href ? undefined : "img"} aria-label=${`${step.name}, ${told}`}>
      <g class=${`box ${KINDS[step.status] ?? "works"}`} transform=${`translate(${place.x} ${place.y})`}>
        <title>${step.name}: ${told}${step.error ? `\n${step.error}` : ""}</title>
        <rect width=${BOX.width} height=${BOX.height} rx="8" />
        <text x="12" y="21" class="box-name">${step.name.length > 24 ? `${step.name.slice(0, 23)}…` : step.name}</text>
        <text x="12" y="40" class="box-state">${told}</text>
      </g>
    <//>`;
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
