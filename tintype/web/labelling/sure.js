// Suggestions that are sure enough to be confirmed at a stroke.

import { ask, projectPath } from "./api.js";
import { picturesOf } from "./feeds.js";
import { counted, html, percent, useLoaded, useState } from "../shared/html.js";
import { keep, kept } from "./kept.js";
import { Work } from "./work.js";

const MOST = 500;

export function Sure({ project, outbox, go }) {
  const [least, setLeast] = useState(() => kept("least", 0.95));
  const [label, setLabel] = useState("");
  const { value: sure, error, loading, reload } = useLoaded(
    (signal) => ask("GET", projectPath(project.name, "/assistant/confident", { least, label, limit: MOST }), undefined, { signal }),
    [least, label],
  );
  const [shown, setShown] = useState(least);
  const tools = html`
    <label class="order">Sure by <output>${percent(shown)}</output> or more
      <input type="range" min="0.5" max="0.99" step="0.01" value=${shown} aria-valuetext=${percent(shown)}
        onInput=${(event) => setShown(Number(event.target.value))}
        onChange=${(event) => { keep("least", Number(event.target.value)); setLeast(Number(event.target.value)); }} />
    </label>
    <label class="order">Label
      <select value=${label} onChange=${(event) => setLabel(event.target.value)}>
        <option value="">any</option>${project.labels.map(({ name }) => html`<option key=${name} value=${name}>${name}</option>`)}
      </select>
    </label>`;
  if (!sure?.length) {
    return html`
      <section class="page-of" aria-label="Sure suggestions">
        <div class="tools">${tools}</div>
        ${error && html`<p class="error" role="alert">${error.message}</p>`}
        <p role="status">${loading ? "Looking …" : "No suggestion is that sure."}</p>
        <button type="button" onClick=${reload}>Look again</button>
      </section>`;
  }
  const suggestions = new Map(sure.map(({ id, ...suggestion }) => [id, { suggestion }]));
  return html`
    <${Work} key=${`${least} ${label} ${sure.length} ${sure[0].id}`} project=${project} outbox=${outbox} name="Sure suggestions" selectPages
      moreOf=${() => picturesOf(project.name, sure.map(({ id }) => id), suggestions)} openSimilar=${(id) => go(`similar/${id}`)}
      finished="These are confirmed."
      tools=${html`${tools}<p class="hint">${counted(sure.length)}. All in sight are selected: click the wrong ones, then confirm the rest with Space.</p>`} />`;
}
