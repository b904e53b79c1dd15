// Labelled pictures whose labels are likely wrong, the worst first, for a reviewer to accept or change.

import { ask, projectPath } from "./api.js";
import { picturesOf } from "./feeds.js";
import { html, useLoaded } from "../shared/html.js";
import { Work } from "./work.js";

export function LikelyErrors({ project, outbox, go }) {
  const { value, error, loading, reload } = useLoaded((signal) => ask("GET", projectPath(project.name, "/assistant/likely-errors"), undefined, { signal }), []);
  if (!value?.length) {
    return html`
      <section class="page-of" aria-labelledby="errors-heading">
        <h2 id="errors-heading">Likely errors</h2>
        ${error && html`<p class="error" role="alert">${error.message}</p>`}
        <p role="status">${loading ? "Looking …" : "None is found so far; it takes some labels of each kind."}</p>
        <button type="button" onClick=${reload}>Look again</button>
      </section>`;
  }
  const proposals = new Map(value.map(({ id, proposed, confidence }) => [id, { suggestion: { labels: proposed, confidence, source: "labels" } }]));
  return html`
    <${Work} project=${project} outbox=${outbox} name="Likely errors" review
      moreOf=${() => picturesOf(project.name, value.map(({ id }) => id), proposals)} openSimilar=${(id) => go(`similar/${id}`)}
      finished="All of these are looked through."
      tools=${html`<p class="hint">Space takes what is proposed, Enter accepts the label as it is, a label's key changes it.</p>`} />`;
}
