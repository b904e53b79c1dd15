// The labels of a project as buttons with their colours and keys; found by typing where there are many.

import { html, useMemo, useRef, useState } from "../shared/html.js";

const MANY = 10;

/** Labels by the keys that stand for them. */
export const labelsByKey = (labels) => new Map(labels.filter(({ key }) => key).map((label) => [label.key, label]));

/** "Animal/Cat" as its levels, the last one strong. */
export function LabelName({ name }) {
  const levels = name.split("/");
  return html`<span class="label-name">${levels.slice(0, -1).map((level) => html`<span class="level">${level} / </span>`)}<span>${levels.at(-1)}</span></span>`;
}

/** A small square of a label's colour. */
export const Colour = ({ colour }) => html`<span class="colour" style=${{ background: colour }} aria-hidden="true"></span>`;

/** What one person says of a picture, in words. */
export const answerOf = ({ labels, skipped, reason }) => (skipped ? `skipped${reason ? `: ${reason}` : ""}` : labels.join(", ") || "none");

/** A button that the mouse pressed gives up the focus, or Space would press it again. */
export const letGo = (event) => event.detail && event.currentTarget.blur();

const wordsIn = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);
const fits = (label, words) => words.every((word) => label.name.toLowerCase().includes(word));

/**
 * Buttons for all labels.
 *
 * `pressed` are names of labels that the current picture has; `proposed` those of its suggestion. `choose` is
 * called with a label.
 */
export function LabelPanel({ labels, pressed, proposed, choose, disabled, searchField }) {
  const [text, setText] = useState("");
  const list = useRef(null);
  const shown = useMemo(() => {
    const words = wordsIn(text);
    return words.length ? labels.filter((label) => fits(label, words)) : labels;
  }, [labels, text]);
  const keyed = (event) => {
    if (event.key === "Enter" && shown.length) {
      event.preventDefault();
      choose(shown[0]);
      setText("");
    } else if (event.key === "Escape") {
      setText("");
      event.target.blur();
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      list.current.querySelector("button")?.focus();
    }
  };
  return html`
    <section class="labels" aria-labelledby="labels-heading">
      <h2 id="labels-heading">Labels</h2>
      ${labels.length > MANY && html`
        <input type="search" ref=${searchField} value=${text} placeholder="Find a label  /" aria-label="Find a label; Enter takes the first"
          onInput=${(event) => setText(event.target.value)} onKeyDown=${keyed} />`}
      <ul ref=${list}>
        ${shown.map((label, place) => {
          const levels = label.name.split("/");
          const before = shown[place - 1]?.name.split("/") ?? [];
          const parents = levels.slice(0, -1);
          const same = parents.findIndex((level, depth) => level !== before[depth]);
          const fresh = same < 0 && before.length > parents.length ? [] : parents.slice(Math.max(same, 0));
          return html`
            ${fresh.length > 0 && html`<li key=${`above ${label.name}`} class="levels" aria-hidden="true">${parents.join(" / ")}</li>`}
            <li key=${label.name} class=${parents.length ? "below" : ""}>
              <button type="button" disabled=${disabled} aria-pressed=${pressed.has(label.name)} title=${label.description || undefined}
                class=${proposed.has(label.name) ? "proposed" : ""} onClick=${(event) => { choose(label); letGo(event); }}>
                <${Colour} colour=${label.colour} />
                <span class="label-name">${parents.length > 0 && html`<span class="unseen">${parents.join(" / ")} / </span>`}${levels.at(-1)}</span>
                ${label.key && html`<kbd><span class="unseen">key </span>${label.key}</kbd>`}
              </button>
            </li>`;
        })}
      </ul>
      ${shown.length === 0 && html`<p class="hint">No label has that in its name.</p>`}
      ${labels.length === 0 && html`<p class="hint">There are no labels yet; an owner adds them under Project.</p>`}
    </section>`;
}
