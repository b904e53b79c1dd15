// How good a model is: metrics with their 95 % intervals, and the way to each report.

import { html, useState } from "../../../shared/html.js";
import { CommandLine, quoted } from "../../parts/command_line.js";
import { breakable, figure } from "../../parts/figures.js";
import { contentOf } from "../jobs/addresses.js";

// Looked at first; the others on request.
const FIRST = ["accuracy", "balanced_accuracy", "f1_score_macro", "AUC_macro", "average_precision_score_macro", "iou", "log_loss"];

export function Evaluations({ model }) {
  return html`
    <section class="panel" aria-labelledby="evaluation">
      <h2 id="evaluation">Evaluation</h2>
      ${model.evaluations.length === 0 && html`<p class="hint">It has not been evaluated in this workspace.</p>`}
      ${model.evaluations.map((each) => html`<${Evaluation} key=${`${each.run} ${each.title}`} evaluation=${each} />`)}
      <${CommandLine} label="Evaluate it in the command line" command=${`tintype evaluate --model ${quoted(model.id)} --data DATA --output evaluation`} />
    </section>`;
}

function Evaluation({ evaluation }) {
  const [all, setAll] = useState(false);
  const names = Object.keys(evaluation.metrics);
  const first = FIRST.filter((name) => names.includes(name));
  const shown = all || !first.length ? names : first;
  const report = contentOf(evaluation.run, evaluation.report);
  return html`
    <div class="stack tight">
      <div class="row spread"><h3>${evaluation.title} <span class="hint">${evaluation.rows.toLocaleString("en")} pictures</span></h3>
        <a href=${report} target="_blank" rel="noopener">Report<span class="unseen"> of ${evaluation.title}</span></a></div>
      <ul class="measures">${shown.map((name) => {
        const value = evaluation.metrics[name];
        const [low, high] = evaluation.intervals[name] ?? [];
        return html`
          <li key=${name}><span class="name">${breakable(name)}</span><strong class="figure">${figure(value)}</strong>
            ${low !== undefined && html`<span class="hint figure">${figure(low)} to ${figure(high)}</span>`}
            ${low !== undefined && low >= 0 && high <= 1 && html`<${Interval} low=${low} high=${high} value=${value} />`}</li>`;
      })}</ul>
      ${names.length > shown.length || all ? html`<div><button type="button" class="quiet" aria-expanded=${all} onClick=${() => setAll(!all)}>${all ? "Fewer metrics" : `All ${names.length} metrics`}</button></div>` : ""}
    </div>`;
}

/** From 0 to 1. */
function Interval({ low, high, value }) {
  return html`
    <svg class="interval" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" x="0" y="3" width="100" height="2" />
      <rect class="span" x=${100 * low} y="2" width=${Math.max(0.5, 100 * (high - low))} height="4" />
      <rect class="at" x=${100 * value - 0.4} y="0" width="0.8" height="8" />
    </svg>`;
}
