// A card for each picture: how it looks, and what the model says of it.

import { html, useObservable, useState } from "../shared/html.js";
import { MULTILABEL, percent } from "./tasks.js";

const SHOWN = 5;
const MARKED_FROM = 0.5;

/** onRetry, onCode, onRemove: what its buttons do. */
export function PictureCard({ picture, task, onRetry, onCode, onRemove }) {
  useObservable(picture);
  const { file, id, result, failed, busy, facts, summary, blank } = picture;
  const unseen = () => {
    // A kind that browsers do not show, such as TIFF, may still be one that the model reads.
    picture.blank = true;
    picture.changed();
  };
  const button = (name, title, act) => html`<button type="button" id=${`${name}-${id}`} class=${name} aria-label=${`${title}: ${file.name}`} onClick=${act}>${title}</button>`;
  return html`
    <article aria-labelledby=${id} aria-busy=${busy ? "true" : undefined}>
      <div class="preview">${blank
        ? html`<p class="hint">No preview</p>`
        : html`<img decoding="async" draggable=${false} alt=${file.name} src=${picture.url} onError=${unseen} />`}</div>
      <div class="about">
        <h3 id=${id}>${file.name}</h3>
        <p class="facts hint">${facts}</p>
        ${failed && html`<p class="error">${summary}</p>`}
        ${result?.labels && html`<${Labels} name=${file.name} labels=${result.labels} marking=${task === MULTILABEL} />`}
        ${result?.features && html`<${Nearest} picture=${picture} />`}
        <div class="actions">
          ${failed && button("retry", "Try again", onRetry)}
          ${button("code", "Code", onCode)}
          ${button("remove", "Remove", onRemove)}
        </div>
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
