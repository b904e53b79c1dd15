// All pictures by a filter, in pages; opening one shows what was done about it.

import { ask, projectPath } from "./api.js";
import { html, useLoaded, useState } from "../shared/html.js";
import { Colour } from "./labels.js";
import { PictureDialog } from "./picture_dialog.js";
import { thumbnailUrl } from "./pictures_ahead.js";

const STATES = ["unlabelled", "labelled", "skipped", "needs_review", "completed"];
const HOWS = ["chosen", "suggested", "changed", "bulk", "imported", "reviewed"];
const LIMIT = 60;
const EMPTY = { state: "", label: "", how: "", person: "", flagged: "", fault: "" };

export function Browse({ project, address, go }) {
  const [filter, setFilter] = useState(() => ({ ...EMPTY, ...Object.fromEntries(address.query) }));
  /** Where pages begin: the first, those turned since, the one in sight last. */
  const [starts, setStarts] = useState([0]);
  const [open, setOpen] = useState(null);
  const after = starts.at(-1);
  const { value, error, loading, reload } = useLoaded(
    (signal) => ask("GET", projectPath(project.name, "/pictures", { ...filter, after, limit: LIMIT }), undefined, { signal }),
    [JSON.stringify(filter), after],
  );
  const set = (name) => (event) => {
    setFilter({ ...filter, [name]: event.target.value });
    setStarts([0]);
  };
  const colours = new Map(project.labels.map(({ name, colour }) => [name, colour]));
  const choice = (name, title, options) => html`
    <label>${title}
      <select value=${filter[name]} onChange=${set(name)}><option value="">any</option>${options.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}</select>
    </label>`;
  const plain = (values) => values.map((value) => [value, value.replace("_", " ")]);
  const yesNo = [["true", "yes"], ["false", "no"]];
  return html`
    <section class="page-of" aria-labelledby="browse-heading">
      <h2 id="browse-heading" class="unseen">Browse</h2>
      <form class="filters" onSubmit=${(event) => event.preventDefault()}>
        ${choice("state", "State", plain(STATES))}
        ${choice("label", "Label", project.labels.map(({ name }) => [name, name]))}
        ${choice("how", "How", plain(HOWS))}
        <label>Person <input value=${filter.person} onChange=${set("person")} autocomplete="off" spellcheck=${false} /></label>
        ${choice("flagged", "Flagged", yesNo)}
        ${choice("fault", "File at fault", yesNo)}
      </form>
      ${error && html`<p class="error" role="alert">${error.message}</p>`}
      ${loading && !value && html`<p role="status">Looking …</p>`}
      ${value?.pictures.length === 0 && html`<p>No picture is like that.</p>`}
      <ul class="browse">
        ${value?.pictures.map((picture) => html`
          <li key=${picture.id}>
            <button type="button" aria-label=${`${picture.name}, ${told(picture)}`} onClick=${() => setOpen(picture.id)}>
              <img src=${thumbnailUrl(project.name, picture.id, 256)} alt="" loading="lazy" />
              <span class="name">${picture.name}</span>
              <span class="caption">
                ${picture.flagged && html`<span class="mark">⚑</span>`}${picture.fault && html`<span class="mark">${picture.fault}</span>`}
                ${picture.labels.map((name) => html`<span key=${name} class="chip"><${Colour} colour=${colours.get(name) ?? "#888888"} />${name.split("/").at(-1)}</span>`)}
                ${picture.labels.length === 0 && html`<span class="chip">${picture.state.replace("_", " ")}</span>`}
              </span>
            </button>
          </li>`)}
      </ul>
      <nav class="place" aria-label="Pages of the filter">
        <button type="button" disabled=${starts.length === 1} onClick=${() => setStarts(starts.slice(0, -1))}>‹ Back</button>
        <button type="button" disabled=${!value?.next} onClick=${() => setStarts([...starts, value.next])}>Next ›</button>
        <button type="button" onClick=${reload}>Look again</button>
      </nav>
      ${open !== null && html`
        <${PictureDialog} project=${project} id=${open} onClose=${() => setOpen(null)}>
          <p class="row"><button type="button" onClick=${() => go(`similar/${open}`)}>More like this</button></p>
        <//>`}
    </section>`;
}

const told = ({ state, labels, flagged, fault }) => [labels.join(", ") || state.replace("_", " "), flagged && "flagged", fault].filter(Boolean).join(", ");
