// A card for each picture: how it looks, and what the model says of it.

import { html, useObservable, useState } from "../shared/html.js";
import { ExplainedPicture, ExplanationPanel } from "./explanation_view.js";
import { MARKED_FROM, MULTILABEL, percent } from "./tasks.js";

const SHOWN = 5;

// What keys mean themselves, there.
const FIELDS = "select, textarea, input:not([type=radio], [type=range])";

/** `explains`: whether answers can be explained; onRetry, onCode, onRemove: what its buttons do. */
export function PictureCard({ picture, task, explains, onRetry, onCode, onRemove }) {
  useObservable(picture, picture.explanation);
  const { file, id, result, failed, busy, facts, summary, blank, explanation } = picture;
  const explained = explains && Boolean(result?.labels);
  const unseen = () => {
    // A kind that browsers do not show, such as TIFF, may still be one that the model reads.
    picture.blank = true;
    picture.changed();
  };
  const pressed = (event) => {
    if (event.key !== "w" || event.ctrlKey || event.metaKey || event.altKey || event.target.matches(FIELDS) || !explained) return;
    // What has the focus may be put away.
    document.getElementById(`why-${id}`).focus();
    explanation.toggle();
  };
  const button = (name, title, act, more = {}) => html`<button type="button" id=${`${name}-${id}`} class=${name} aria-label=${`${title}: ${file.name}`} onClick=${act} ...${more}>${title}</button>`;
  const why = { "aria-expanded": explanation.open, "aria-controls": `explanation-${id}`, "aria-keyshortcuts": "w" };
  return html`
    <article aria-labelledby=${id} aria-busy=${busy ? "true" : undefined} onKeyDown=${pressed}>
      <div class="preview"><${ExplainedPicture} explanation=${explanation}>${blank
        ? html`<p class="hint">No preview</p>`
        : html`<img decoding="async" draggable=${false} alt=${file.name} src=${picture.url} onError=${unseen} />`}<//></div>
      <div class="about">
        <h3 id=${id}>${file.name}</h3>
        <p class="facts hint">${facts}</p>
        ${failed && html`<p class="error">${summary}</p>`}
        ${result?.labels && html`<${Labels} name=${file.name} labels=${result.labels} marking=${task === MULTILABEL} />`}
        ${result?.features && html`<${Nearest} picture=${picture} />`}
        <div class="actions">
          ${explained && button("why", "Why?", () => explanation.toggle(), why)}
          ${failed && button("retry", "Try again", onRetry)}
          ${button("code", "Code", onCode)}
          ${button("remove", "Remove", onRemove)}
        </div>
        <${ExplanationPanel} explanation=${explanation} id=${`explanation-${id}`} />
      </div>
    </article>`;
}

function Labels({ name, labels, marking }) {
  const [all, setAll] = useState(false);
  const marked = marking ? labels.filter(({ share }) => share >= MARKED_FROM).length : 0;
  const least = Math.max(SHOWN, marked);
  const shown = labels.slice(0, all ? labels.length : least);
  return html`
    ${marking && html`<p class="note">${marked ? `${marked} at or above 50 %` : "None at or above 50 %"}</p>`}
    ${shown.length > 0 && html`<ol class="result bars" role="list" aria-label=${`Labels of ${name}`}>${shown.map(({ label, share }, place) => html`
      <${Bar} key=${place} label=${label} share=${share} marked=${marking && share >= MARKED_FROM} />`)}</ol>`}
    ${labels.length > least && html`
      <div><button type="button" class="more" aria-expanded=${all} onClick=${() => setAll(!all)}>${all ? "Fewer labels" : `All ${labels.length} labels`}</button></div>`}`;
}

function Bar({ label, share, marked }) {
  return html`
    <li class=${marked ? "marked" : ""}><span class="label">${label}${marked && html`<span class="mark">${" ✓"}<span class="unseen">${" (at or above 50 %)"}</span></span>`}</span><span class="number">${percent(share)}</span><span class="bar" aria-hidden="true"><span style=${{ "--share": Math.min(1, Math.max(0, share)) }}></span></span></li>`;
}

function Nearest({ picture }) {
  const nearest = [...picture.similarity].sort((a, b) => b[1] - a[1]).slice(0, SHOWN);
  return html`
    <p class="note">${nearest.length ? "Nearest, by cosine similarity" : "Drop another picture to compare."}</p>
    ${nearest.length > 0 && html`<ol class="result nearest" role="list" aria-label=${`Nearest to ${picture.file.name}`}>${nearest.map(([other, cosine]) => html`
      <li key=${other.id}>${other.blank ? html`<span class="blank"></span>` : html`<img alt="" draggable=${false} src=${other.url} />`}<span class="name">${other.file.name}</span><span class="number">${cosine.toFixed(3)}</span></li>`)}</ol>`}`;
}
