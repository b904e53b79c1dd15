// A reviewer's last word on pictures: where people do not agree, and on whatever else is to be checked.

import { filteredOf } from "./feeds.js";
import { html, useState } from "../shared/html.js";
import { Work } from "./work.js";

const KINDS = [
  ["needs_review", "where people do not agree", { state: "needs_review" }],
  ["flagged", "flagged", { flagged: true, state: ["unlabelled", "labelled", "skipped", "needs_review"] }],
  ["labelled", "labelled", { state: "labelled" }],
  ["suggested", "labelled as suggested", { state: "labelled", how: "suggested" }],
  ["bulk", "labelled at a stroke", { state: "labelled", how: "bulk" }],
  ["skipped", "skipped", { state: "skipped" }],
];

export function Review({ project, outbox, go }) {
  const [kind, setKind] = useState("needs_review");
  const filter = KINDS.find(([name]) => name === kind)[2];
  return html`
    <${Work} key=${kind} project=${project} outbox=${outbox} name="Pictures to review" review
      moreOf=${() => filteredOf(project.name, filter)} openSimilar=${(id) => go(`similar/${id}`)}
      finished="There is nothing more of these to review."
      tools=${html`
        <label class="order">Review
          <select value=${kind} onChange=${(event) => setKind(event.target.value)}>${KINDS.map(([name, title]) => html`<option key=${name} value=${name}>${title}</option>`)}</select>
        </label>
        <p class="hint">Enter accepts, a label's key changes, Shift + R rejects; Shift + H shows all that was done.</p>`} />`;
}
