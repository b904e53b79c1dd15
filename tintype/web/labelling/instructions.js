// What labellers are told: the project's instructions, and what its labels mean.

import { html } from "../shared/html.js";
import { Colour, LabelName } from "./labels.js";
import { Markdown } from "./markdown.js";

export function InstructionsPanel({ project, onClose }) {
  const described = project.labels.filter(({ description }) => description);
  return html`
    <section class="instructions" aria-labelledby="instructions-heading">
      <header>
        <h2 id="instructions-heading">Instructions</h2>
        <button type="button" class="quiet" aria-label="Close the instructions" onClick=${onClose}>×</button>
      </header>
      ${project.told.instructions
        ? html`<${Markdown} text=${project.told.instructions} />`
        : html`<p class="hint">None are written; an owner writes them under Project.</p>`}
      ${described.length > 0 && html`
        <dl>
          ${described.map((label) => html`
            <div key=${label.name}>
              <dt><${Colour} colour=${label.colour} /><${LabelName} name=${label.name} /></dt>
              <dd>${label.description}</dd>
            </div>`)}
        </dl>`}
    </section>`;
}
