// Named bars from nothing to the greatest value.

import { html } from "./html.js";

/** items: `{name, value}`; text(value): what is written beside a bar. */
export function Bars({ label, items, text }) {
  const most = Math.max(...items.map(({ value }) => value), 1e-12);
  return html`
    <ul class="bars" aria-label=${label}>${items.map(({ name, value }) => html`
      <li key=${name}><span class="name">${name}</span>
        <span class="bar" aria-hidden="true"><span style=${{ width: `${(100 * value) / most}%` }}></span></span>
        <span class="value">${text(value)}</span></li>`)}
    </ul>`;
}
