// How far work in the background is.

import { html } from "../../../shared/html.js";

/** `work` as the server tells it: `{state, done, total, what}`. */
export function Work({ work, what }) {
  const known = work?.total > 0;
  const text = work?.state === "waiting" ? "waits for its turn" : work?.what || "begins";
  return html`
    <div class="work" role="status">
      <span>${what}: ${text}${known ? `, ${work.done.toLocaleString("en")} of ${work.total.toLocaleString("en")}` : work?.done ? `, ${work.done.toLocaleString("en")}` : ""}</span>
      <progress aria-label=${what} value=${known ? work.done : undefined} max=${known ? work.total : undefined}></progress>
    </div>`;
}
