// A slider over places of a list, with the value of the place beside it.

import { html } from "./html.js";

/** values: in rising order; at: the place; text(value): what is shown. */
export function Slider({ label, values, at, onAt, text = (value) => value.toFixed(2) }) {
  return html`
    <label class="slider controls">${label} <output>${text(values[at])}</output>
      <input type="range" min="0" max=${values.length - 1} value=${at} aria-valuetext=${text(values[at])} onInput=${(event) => onAt(Number(event.target.value))} />
    </label>`;
}
