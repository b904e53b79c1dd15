// Groups of pictures that look alike, each to be labelled at a stroke.

import { ask, projectPath } from "./api.js";
import { picturesOf } from "./feeds.js";
import { counted, html, percent, useLoaded, useState } from "../shared/html.js";
import { thumbnailUrl } from "./pictures_ahead.js";
import { Work } from "./work.js";

const SHOWN = 8;

export function Groups({ project, outbox, go }) {
  const { value: groups, error, loading, reload } = useLoaded((signal) => ask("GET", projectPath(project.name, "/assistant/groups"), undefined, { signal }), []);
  const [open, setOpen] = useState(null);
  if (open) {
    const back = () => {
      setOpen(null);
      reload();
    };
    return html`
      <${Work} project=${project} outbox=${outbox} name=${`Group of ${open.pictures.length} look-alikes`} selectPages
        moreOf=${() => picturesOf(project.name, open.pictures)} openSimilar=${(id) => go(`similar/${id}`)}
        finished="The group is labelled."
        tools=${html`<button type="button" onClick=${back}>‹ All groups</button><p class="hint">All in sight are selected: click those that do not belong, then press a label's key.</p>`} />`;
  }
  return html`
    <section class="page-of" aria-labelledby="groups-heading">
      <header class="row"><h2 id="groups-heading">Look-alikes</h2><button type="button" onClick=${reload}>Look again</button></header>
      ${error && html`<p class="error" role="alert">${error.message}</p>`}
      ${loading && !groups && html`<p role="status">Looking for groups …</p>`}
      ${groups?.length === 0 && html`<p>There are no groups: too few pictures without a label, or the assistant has not looked at them yet.</p>`}
      <ul class="groups">
        ${groups?.map((group) => html`
          <li key=${group.pictures[0]} class="panel">
            <button type="button" class="group" onClick=${() => setOpen(group)}>
              <span class="strip" aria-hidden="true">${group.pictures.slice(0, SHOWN).map((id) => html`<img key=${id} src=${thumbnailUrl(project.name, id, 128)} alt="" loading="lazy" />`)}</span>
              <span><strong>${counted(group.pictures.length)}</strong> <span class="hint">likeness ${percent(group.tightness)}</span></span>
            </button>
          </li>`)}
      </ul>
    </section>`;
}
