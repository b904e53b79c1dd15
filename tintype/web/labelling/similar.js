// Pictures without a label that look most like one.

import { ask, projectPath } from "./api.js";
import { picturesOf } from "./feeds.js";
import { html, useLoaded } from "../shared/html.js";
import { thumbnailUrl } from "./pictures_ahead.js";
import { Work } from "./work.js";

export function Similar({ project, outbox, address, go }) {
  const id = Number(address.rest);
  const { value, error, reload } = useLoaded((signal) => ask("GET", projectPath(project.name, `/assistant/similar/${id}`, { limit: 200 }), undefined, { signal }), [id]);
  if (error) return html`<section class="page-of"><p class="error" role="alert">${error.message}</p><button type="button" onClick=${reload}>Try again</button></section>`;
  if (!value) return html`<section class="page-of"><p role="status">Looking for pictures like it …</p></section>`;
  return html`
    <${Work} project=${project} outbox=${outbox} name="Pictures like this one" moreOf=${() => picturesOf(project.name, value.pictures)}
      openSimilar=${(other) => go(`similar/${other}`)} finished="There are no more like it."
      tools=${html`<button type="button" onClick=${() => go("label")}>‹ Back to labelling</button>
        <p class="like"><img src=${thumbnailUrl(project.name, id, 128)} alt="The picture that these look like" /> Most like this one first</p>`} />`;
}
