// An explanation as it is looked at: the picture, and what is chosen about it.

import { html, percent, useObservable } from "../shared/html.js";
import { GridPicture, VIEWS } from "./grid_picture.js";

/** The model's input under what explains its answer; the children while there is none in sight. */
export function ExplainedPicture({ explanation, children }) {
  useObservable(explanation);
  const { open, current, name, view, opacity } = explanation;
  if (!open || !current) return children;
  const label = `${name} as the model sees it, with what speaks for ${current.label}: ${VIEWS[view]}, ${opacity} %`;
  return html`<${GridPicture} grid=${current.grid} view=${view} opacity=${opacity} label=${label} />`;
}

/** `id` is that of the panel: what opens it says that it controls it. */
export function ExplanationPanel({ explanation, id }) {
  useObservable(explanation);
  const { open, name, offered, busy, problem, found } = explanation;
  return html`
    <section class="explanation" id=${id} aria-label=${`Why: ${name}`} aria-busy=${busy ? "true" : undefined} hidden=${!open}>${open && html`
      ${offered?.methods.length > 0 && html`<${MethodForm} explanation=${explanation} id=${id} />`}
      ${busy && html`<${Busy} explanation=${explanation} />`}
      ${problem && html`<p class="error">${problem}</p>`}
      ${found && html`<${Found} explanation=${explanation} id=${id} />`}`}
    </section>`;
}

function MethodForm({ explanation, id }) {
  const { offered, method, busy } = explanation;
  const submit = (event) => {
    event.preventDefault();
    if (busy) explanation.giveUp();
    else explanation.ask();
  };
  return html`
    <form onSubmit=${submit}>
      <label for=${`${id}-method`}>Method <span class="hint">with its time in predictions</span></label>
      <div class="row wide">
        <select id=${`${id}-method`} value=${method} disabled=${busy} onChange=${(event) => explanation.set({ method: event.target.value })}>${offered.methods.map(({ name, passes }) => html`
          <option key=${name} value=${name} selected=${name === method}>${name} · ${Math.ceil(passes).toLocaleString("en")}</option>`)}</select>
        <button type="submit">${busy ? "Stop" : "Explain"}</button>
      </div>
    </form>`;
}

// The seconds are for the eye alone: they would be read out one by one.
function Busy({ explanation }) {
  const { offered, method, seconds } = explanation;
  const limit = offered?.timeout_s ? ` of at most ${offered.timeout_s} s` : "";
  return html`<p class="hint">Explaining${method && ` by ${method}`} … <span class="number" aria-hidden="true">${seconds} s${limit}</span></p>`;
}

function Found({ explanation, id }) {
  const { found, shown, current, view, opacity } = explanation;
  if (!current) return html`<p class="note">No label is at or above 50 %: there is nothing to explain.</p>`;
  const chosen = (event) => explanation.set({ shown: Number(event.target.value) });
  return html`
    ${found.length === 1
      ? html`<p class="note">What speaks for <strong class="name">${current.label}</strong>, ${percent(current.share, 1)}</p>`
      : html`
        <label for=${`${id}-label`}>What speaks for</label>
        <select id=${`${id}-label`} value=${shown} onChange=${chosen}>${found.map(({ label, share }, place) => html`
          <option key=${place} value=${place} selected=${place === shown}>${label}, ${percent(share, 1)}</option>`)}</select>`}
    <fieldset>
      <legend>Shown</legend>
      ${Object.entries(VIEWS).map(([key, title]) => html`<label key=${key}><input type="radio" name=${`${id}-view`} value=${key} checked=${key === view} onChange=${() => explanation.set({ view: key })} />${` ${title}`}</label>`)}
    </fieldset>
    <div class="opacity">
      <label for=${`${id}-opacity`}>Opacity</label>
      <input id=${`${id}-opacity`} type="range" min="0" max="100" step="5" value=${opacity} aria-valuetext=${`${opacity} %`} onInput=${(event) => explanation.set({ opacity: Number(event.target.value) })} />
      <span class="number" aria-hidden="true">${opacity} %</span>
    </div>`;
}
