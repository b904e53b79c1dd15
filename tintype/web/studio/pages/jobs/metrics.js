// Every metric of a run over its steps, while it learns and after.

import { ask } from "../../../shared/api.js";
import { html, useEffect, useLoaded, useRef } from "../../../shared/html.js";
import { breakable, figure } from "../../parts/figures.js";
import { LineChart } from "../../parts/line_chart.js";
import { Empty, Loaded } from "../../parts/states.js";

// Of no news to anybody as a curve.
const UNSHOWN = new Set(["epoch"]);

// What is looked at first; the others follow by name.
const FIRST = ["training_loss", "loss", "log_loss", "accuracy", "iou", "f1_score_macro", "learning_rate"];
const rank = (name) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);

export function Tab({ run, parts }) {
  const metrics = useLoaded(() => ask("GET", `/jobs/${encodeURIComponent(run.name)}/metrics`), [run.name, parts.metrics, run.status]);
  const steady = useSteady(metrics.value);
  const of = { ...metrics, value: steady };
  return html`
    <${Loaded} of=${of}>${(all) => {
      const curves = all.filter(({ name, points }) => points > 1 && !UNSHOWN.has(name)).sort((a, b) => rank(a.name) - rank(b.name));
      const single = all.filter(({ points }) => points === 1);
      if (!all.length) return html`<${Empty} title="Nothing was measured yet" />`;
      return html`
        <div class="stack">
          <div class="charts">${curves.map((series) => html`<div class="panel" key=${series.name}><${LineChart} title=${series.name} lines=${linesOf(series)} /></div>`)}</div>
          ${single.length > 0 && html`
            <section class="panel" aria-labelledby="single"><h2 id="single">Measured once</h2>
              <dl class="facts">${single.map(({ name, values }) => html`<div key=${name}><dt>${breakable(name)}</dt><dd class="figure">${figure(values[0])}</dd></div>`)}</dl></section>`}
        </div>`;
    }}<//>`;
}

/** The same object for a series that has no new point, so that its chart is left alone. */
function useSteady(value) {
  const before = useRef(new Map());
  const next = value?.map((series) => {
    const known = before.current.get(series.name);
    return known && known.points === series.points ? known : series;
  });
  useEffect(() => {
    if (next) before.current = new Map(next.map((series) => [series.name, series]));
  });
  return next;
}

const LINES = new WeakMap();

/** A chart draws again when its lines are another array. */
function linesOf(series) {
  if (!LINES.has(series)) LINES.set(series, [series]);
  return LINES.get(series);
}
