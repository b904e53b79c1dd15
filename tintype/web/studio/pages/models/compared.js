// What two models say of the same pictures, those first where they differ most.

import { ask } from "../../../shared/api.js";
import { counted, html, percent, useLoaded, useState } from "../../../shared/html.js";
import { useEvents } from "../../events.js";
import { Status } from "../../parts/figures.js";
import { Loaded } from "../../parts/states.js";
import { Why } from "../../parts/why.js";

// Not by colour alone.
const MARKS = { right: "✓ ", wrong: "✗ " };

export function Page({ id }) {
  const comparison = useLoaded(() => ask("GET", `/comparisons/${encodeURIComponent(id)}`), [id]);
  const [first, second] = comparison.value?.sides.map(({ run }) => `run:${run}`) ?? [null, null];
  const told = (parts) => (parts === null || parts.includes("record")) && comparison.reload();
  useEvents(first, told, [id]);
  useEvents(second, told, [id]);
  return html`<${Loaded} of=${comparison}>${(found) => html`<${Compared} comparison=${found} />`}<//>`;
}

function Compared({ comparison }) {
  const [onlyApart, setOnlyApart] = useState(false);
  const { sides, rows } = comparison;
  const answered = rows.filter(({ answers }) => answers.every((answer) => answer && !answer.error));
  const apart = answered.filter(({ agree }) => !agree);
  const right = (side) => answered.filter(({ label, answers }) => label === answers[side].labels[0]).length;
  const labelled = answered.length > 0 && answered.every(({ label }) => typeof label === "string");
  const shown = onlyApart ? rows.filter(({ agree }) => !agree) : rows;
  return html`
    <div class="stack">
      <div class="page-head"><h1>Compare two models</h1><a class="button" href="/compare-models">Another comparison</a></div>
      <div class="columns">${sides.map((side, index) => html`
        <section key=${side.run} class="panel" aria-label=${index ? "The other model" : "One model"}>
          <div class="row spread"><h2>${side.model}</h2>${side.status ? html`<${Status} status=${side.status} />` : html`<span class="error">its run is gone</span>`}</div>
          ${side.error && html`<p class="error">${side.error}</p>`}
          <p class="row facts-line"><a href=${`/jobs/${encodeURIComponent(side.run)}`}>${side.run}</a>
            ${labelled && html`<span><strong class="figure">${right(index)}</strong> of ${answered.length} as the data say</span>`}</p>
        </section>`)}
      </div>
      <div class="row spread">
        <p role="status">${answered.length ? html`They differ in <strong class="figure">${apart.length}</strong> of ${counted(answered.length)}` : counted(rows.length)} of <span class="hint">${comparison.data}</span></p>
        <label class="row"><input type="checkbox" checked=${onlyApart} onChange=${(event) => setOnlyApart(event.target.checked)} /> Only where they differ</label>
      </div>
      <ul class="compared">${shown.map((row) => html`<li key=${row.row} class="panel"><${Picture} id=${comparison.id} row=${row} sides=${sides} /></li>`)}</ul>
    </div>`;
}

function Picture({ id, row, sides }) {
  const name = row.picture.split("/").at(-1);
  const path = `/comparisons/${encodeURIComponent(id)}/sides`;
  return html`
    <img src=${`/api/comparisons/${encodeURIComponent(id)}/pictures/${row.row}`} alt=${name} loading="lazy" width="160" height="160" />
    <div class="stack tight">
      <p class="head" title=${row.picture}><span class="name">${name}</span>${row.label !== null && html`<span class="hint">labelled ${[row.label].flat().join(", ")}</span>`}</p>
      <div class="two">${sides.map((side, index) => html`
        <div key=${index} class="stack tight">
          <${Answer} answer=${row.answers[index]} label=${row.label} model=${side.model} waiting=${["Completed", "Failed", "Canceled", null].includes(side.status)} />
          ${row.answers[index]?.labels.length > 0 && html`<div><${Why} name=${name} of=${`what ${side.model} says`} offered=${`${path}/${index}/explanations`} explain=${`${path}/${index}/pictures/${row.row}/explanation`} /></div>`}
        </div>`)}</div>
    </div>`;
}

function Answer({ answer, label, model, waiting }) {
  if (!answer) return html`<p class="hint">${waiting ? "No answer" : "Not yet"}</p>`;
  if (answer.error) return html`<p class="error">${answer.error}</p>`;
  const known = [label].flat();
  const kind = (found, index) => (index ? "hint" : label === null ? "" : known.includes(found) ? "right" : "wrong");
  return html`
    <ol aria-label=${model}>${answer.labels.slice(0, 3).map((found, index) => html`
      <li key=${found} class=${kind(found, index)}><span class="name">${MARKS[kind(found, index)]}${found}</span><span class="figure">${percent(answer.probs[index], 1)}</span></li>`)}
    </ol>`;
}
