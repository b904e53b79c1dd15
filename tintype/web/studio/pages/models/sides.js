// The two kinds of models: those of the workspace, and checkpoints to begin from.

import { html } from "../../../shared/html.js";

export function Sides({ here }) {
  return html`
    <nav class="tabs" aria-label="Kinds of models">
      ${[["/models", "Registered"], ["/catalog", "Catalog"]].map(([path, title]) => html`<a key=${path} href=${path} aria-current=${path === here ? "page" : undefined}>${title}</a>`)}
    </nav>`;
}
