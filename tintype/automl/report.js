// The report of a sweep: its trials, and the evaluation of the best model. Its data are those of report.py.

import { Classes, Labels, Metrics, Predictions, predictionsOf } from "../evaluation/sections.js";
import { Bars } from "../pages/components/bars.js";
import { Chart } from "../pages/components/chart.js";
import { DataTable } from "../pages/components/data_table.js";
import { html, useMemo, useState } from "../pages/components/html.js";
import { duration, figure, percent, share } from "../pages/components/numbers.js";
import { ParallelCoordinates } from "../pages/components/parallel_coordinates.js";
import { PictureGrid } from "../pages/components/picture_grid.js";
import { Lead, Section, showPage } from "../pages/components/show_page.js";

const CURVES = 20; // of more trials the best are drawn

function Page({ data }) {
  const predictions = useMemo(() => predictionsOf(data), [data]);
  return html`
    <${Lead} data=${data} />
    <${Next} data=${data} />
    <${Trials} data=${data} />
    <${Charts} data=${data} />
    ${data.notes.length > 0 && html`<${Section} title="What was tried, and why">${data.notes.map((note) => html`<p>${note}</p>`)}<//>`}
    ${data.expected && html`<${Section} title="What to expect on other images"><p>${data.expected}</p><//>`}
    <${Metrics} data=${data} title="Metrics of the best model" />
    <${Predictions} data=${data} predictions=${predictions} title="Predictions of the best model" />
    <${data.multilabel ? Labels : Classes} data=${data} predictions=${predictions} />
    <${LabelIssues} data=${data} />`;
}

function Next({ data }) {
  if (data.commands.length === 0) return null;
  return html`
    <${Section} title="What to do next">
      <ul class="commands">${data.commands.map(([what, command]) => html`<li><h3>${what}</h3><pre class="scroll" tabindex="0"><code>${command}</code></pre></li>`)}</ul>
    <//>`;
}

const words = (parameters) => Object.entries(parameters).map(([key, value]) => `${key} ${figure(value)}`).join(", ");

const reached = (trial) => trial.metric;

function Trials({ data }) {
  const [lit, setLit] = useState(null);
  const done = data.trials.filter(({ metric }) => metric !== null);
  return html`
    <${Section} title="Leaderboard" hint="A row or a line that is pointed at is marked in both.">
      ${done.length > 1 && html`<${ParallelCoordinates} trials=${done} metric=${data.metric} reached=${reached} lit=${lit} onLit=${setLit} />`}
      <${DataTable} label="Leaderboard" page=${12} rows=${data.trials} sorted=${{ by: 3, descending: true }} search=${(trial) => `${trial.model} ${words(trial.parameters)} ${trial.state}`}
        rowProps=${({ number }) => ({ class: number === lit ? "lit" : "", onMouseEnter: () => setLit(number), onMouseLeave: () => setLit(null) })}
        columns=${[
          { title: "trial", value: ({ number }) => number, draw: ({ number }) => (number === data.best ? html`${number} <strong>best</strong>` : number) },
          { title: "model", value: ({ model }) => model },
          { title: "parameters", value: ({ parameters }) => words(parameters), long: true },
          { title: data.metric, value: reached, draw: ({ metric }) => share(metric, 4), end: true },
          { title: "state", value: ({ state, error }) => (error === null ? state : `failed: ${error}`) },
          { title: "evaluations", value: ({ intervals }) => intervals.length, end: true },
          { title: "time", value: ({ seconds }) => seconds, draw: ({ seconds }) => duration(seconds), end: true },
        ]} />
    <//>`;
}

function Charts({ data }) {
  const { overTime, curves, left } = useMemo(() => ({ overTime: metricOverTime(data.trials), ...learningCurves(data.trials) }), [data]);
  return html`
    <${Section} title="The sweep">
      <div class="side-by-side">
        ${overTime && html`<${Chart} title="Metric over time" x=${{ label: "minutes since the first trial began" }} y=${{ label: data.metric }} series=${overTime} />`}
        ${data.importance.length > 0 && html`<div>
          <h3>Importance of parameters</h3>
          <p class="hint">Which share of the variation between trials each explains (fANOVA).</p>
          <${Bars} label="Importance of parameters" items=${data.importance.map(([name, value]) => ({ name, value }))} text=${(value) => percent(value)} />
        </div>`}
        ${curves.length > 0 && html`<div>
          <${Chart} title="Learning curves" x=${{ label: "evaluation" }} y=${{ label: data.metric }} series=${curves} />
          ${left > 0 && html`<p class="hint">The best ${curves.length} of ${curves.length + left} trials with more than one evaluation.</p>`}
        </div>`}
      </div>
    <//>`;
}

/** Trials at the time they ended, and the best so far; null before one has. */
function metricOverTime(trials) {
  const ended = trials.filter(({ metric, ended: end }) => metric !== null && end).sort((a, b) => a.ended - b.ended);
  if (ended.length === 0) return null;
  const begin = Math.min(...trials.filter(({ started }) => started).map(({ started }) => started));
  const minutes = (trial) => Math.round((trial.ended - begin) / 0.6) / 100;
  const points = (name, kind, chosen) => ({ name, kind, x: chosen.map(minutes), y: chosen.map(reached), notes: chosen.map(({ number, model }) => `trial ${number}, ${model}`) });
  const stopped = ended.filter(({ state }) => state !== "completed");
  let best = -Infinity;
  return [
    points("completed", "points", ended.filter(({ state }) => state === "completed")),
    ...(stopped.length > 0 ? [points("stopped early", "hollow", stopped)] : []),
    { name: "best so far", kind: "step", main: true, x: ended.map(minutes), y: ended.map(({ metric }) => { best = Math.max(best, metric); return best; }) },
  ];
}

function learningCurves(trials) {
  const several = trials.filter(({ intervals }) => intervals.length > 1).sort((a, b) => Math.max(...b.intervals) - Math.max(...a.intervals));
  const shown = several.slice(0, CURVES);
  return {
    left: several.length - shown.length,
    curves: shown.map(({ number, model, intervals }) => ({ name: `${number}: ${model}`, dots: true, x: intervals.map((_, at) => at + 1), y: intervals })),
  };
}

function LabelIssues({ data }) {
  const issues = data.label_issues;
  const items = useMemo(() => (issues ?? []).map(({ name, picture, given, predicted, confidence }) => ({
    src: picture, name, alt: `labelled ${given}, predicted ${predicted}`, caption: `labelled ${given}, predicted ${predicted} (${confidence.toFixed(2)})`, mark: "",
  })), [issues]);
  if (issues === null) return html`<${Section} title="Likely mislabelled images" hint="Not checked: that needs features of a pretrained checkpoint, and there was none." />`;
  return html`
    <${Section} title="Likely mislabelled images" hint=${issues.length > 0 ? "A head that had not seen them disagrees with these labels (cleanlab). Look at them before training again." : ""}>
      <${PictureGrid} items=${items} none="None found." />
    <//>`;
}

showPage(Page);
