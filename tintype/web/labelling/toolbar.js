// The buttons above the pictures; each says the key that does the same.

import { html } from "../shared/html.js";
import { letGo } from "./labels.js";
import { ViewControls } from "./large_picture.js";
import { SIZES } from "./sequence.js";

export function Toolbar({ project, sequence, view, commands, review, selecting, setSelecting, resize }) {
  const item = sequence.item;
  const idle = !item || !project.running;
  const button = (name, key, command, disabled = idle) => html`
    <button type="button" disabled=${disabled} title=${`${name}: ${key}`} aria-keyshortcuts=${ariaKeys(key)} onClick=${(event) => { letGo(event); commands.run(command); }}>${name}</button>`;
  return html`
    <div class="toolbar" role="group" aria-label="What to do with the pictures">
      <div class="sizes" role="radiogroup" aria-label="Pictures at once">
        ${SIZES.map((size) => html`
          <label key=${size} class=${size === sequence.size ? "chosen" : ""}>
            <input type="radio" class="unseen" name="size" value=${size} checked=${size === sequence.size} onChange=${() => resize(size)} />${size}
          </label>`)}
      </div>
      <div class="row">
        ${button(review ? "Take proposal" : "Suggestion", "Space", "take suggestion")}
        ${review && button("Accept", "Enter", "confirm")}
        ${review ? button("Reject", "Shift + R", "reject") : button("Skip", "Shift + S", "skip")}
        ${button(item?.flagged ? "Unflag" : "Flag", "Shift + F", "flag")}
        ${button("Comment", "Shift + C", "comment")}
        ${button("More like this", "Shift + M", "similar", !item)}
        ${button("History", "Shift + H", "history", !item)}
      </div>
      <div class="row">
        ${button("Undo", "Control + Z", "undo", false)}
        ${button("Redo", "Control + Y", "redo", false)}
      </div>
      <div class="row">
        <button type="button" aria-pressed=${selecting} title="A click selects one more picture" onClick=${(event) => { letGo(event); setSelecting(!selecting); }}>Select</button>
        ${button("All", "Control + A", "select all", !item)}
        ${sequence.selected.size > 0 && button(`None of ${sequence.selected.size}`, "Escape", "unselect", false)}
      </div>
      ${sequence.size === 1 && html`<${ViewControls} view=${view} />`}
    </div>`;
}

const ariaKeys = (key) => key.replaceAll(" + ", "+");
