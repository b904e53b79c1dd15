// What a page shows in place of what it has not: still loading, nothing there, or why it cannot be had.

import { html } from "../../shared/html.js";

/** `again` tries once more. */
export function Failure({ error, again }) {
  return html`
    <div class="empty">
      <p role="alert" class="error">${error.message}</p>
      ${again && html`<button type="button" onClick=${again}>Try again</button>`}
    </div>`;
}

/** Nothing is there (yet); the children say what to do about it. */
export function Empty({ title, children }) {
  return html`<div class="empty"><h2>${title}</h2>${children}</div>`;
}

/** What `useLoaded` gave, drawn by `children(value)`; what was there stays in sight while it is loaded again. */
export function Loaded({ of, children }) {
  if (of.error) return html`<${Failure} error=${of.error} again=${of.reload} />`;
  if (of.value === undefined) return html`<p role="status" class="wait">Loading …</p>`;
  return children(of.value);
}
