// What an owner does: state, labels, instructions, data, exports and imports, members and invitations.

import { apiUrl, ask, projectPath, session, studioPath } from "./api.js";
import { counted, html, useRef, useState } from "../shared/html.js";
import { Colour, LabelName } from "./labels.js";
import { Members } from "./members.js";
import { changed } from "./notices.js";

const FORMATS = [["mltable", "MLTable"], ["csv", "CSV"], ["coco", "COCO"], ["azure", "Azure"], ["label-studio", "Label Studio"]];
const ANSWERS = [
  ["continue", "keep every answer"],
  ["keep-as-suggestions", "take answers away and propose them again"],
  ["start-over", "take all answers away"],
];

export function Settings({ project }) {
  return html`
    <section class="page-of settings" aria-label="Project">
      <${State} project=${project} />
      <${Labels} project=${project} />
      <${Instructions} project=${project} />
      <${Files} project=${project} />
      <${Members} project=${project} />
    </section>`;
}

async function patch(project, body, done) {
  const told = await changed(() => done, () => ask("PATCH", projectPath(project.name), body));
  if (told) project.take(told);
  return told;
}

function State({ project }) {
  const { state, data, pictures, faults } = project.told;
  const archive = () => confirm("Archive the project? It can be set running again by the command line.") && patch(project, { state: "archived" }, "The project is archived");
  const refresh = async () => {
    const done = await changed(
      ({ added, missing, changed: other }) => `${counted(added)} added; ${missing} missing, ${other} changed`,
      () => ask("POST", projectPath(project.name, "/refresh"), undefined, { timeout: 600_000 }),
    );
    if (done) project.refreshSoon();
  };
  return html`
    <section class="panel" aria-labelledby="state-heading">
      <h2 id="state-heading">State</h2>
      <dl class="facts">
        <div><dt>State</dt><dd>${state}</dd></div>
        <div><dt>Data</dt><dd>${data}</dd></div>
        ${Object.entries(pictures).map(([name, count]) => html`<div key=${name}><dt>${name.replace("_", " ")}</dt><dd>${count.toLocaleString("en")}</dd></div>`)}
        ${Object.entries(faults).map(([name, count]) => html`<div key=${name}><dt>files ${name}</dt><dd>${count}</dd></div>`)}
      </dl>
      <div class="row">
        ${state === "running"
          ? html`<button type="button" onClick=${() => patch(project, { state: "paused" }, "Paused")}>Pause</button>`
          : html`<button type="button" class="main" onClick=${() => patch(project, { state: "running" }, "Labelling goes on")}>Go on</button>`}
        ${state !== "archived" && html`<button type="button" onClick=${archive}>Archive</button>`}
        <button type="button" onClick=${refresh}>Look for new pictures</button>
      </div>
    </section>`;
}

function Labels({ project }) {
  const form = useRef(null);
  const { labelled } = project.told;
  const add = async (event) => {
    event.preventDefault();
    const { name, colour, key, description, answers } = Object.fromEntries(new FormData(form.current));
    const label = { name, description, ...(key ? { key } : {}), ...(form.current.elements.own.checked ? { colour } : {}) };
    if (await patch(project, { add_labels: [label], existing_answers: answers }, `Label added: ${name}`)) form.current.reset();
  };
  return html`
    <section class="panel" aria-labelledby="project-labels-heading">
      <h2 id="project-labels-heading">Labels</h2>
      <ul class="label-list">
        ${project.labels.map((label) => html`
          <li key=${label.name}>
            <${Colour} colour=${label.colour} /> <${LabelName} name=${label.name} /> ${label.key && html`<kbd>${label.key}</kbd>`}
            <span class="hint">${counted(labelled[label.name] ?? 0)}</span>
            ${!labelled[label.name] && html`<button type="button" class="quiet" aria-label=${`Remove ${label.name}`} onClick=${() => patch(project, { remove_labels: [label.name] }, `Label removed: ${label.name}`)}>Remove</button>`}
          </li>`)}
      </ul>
      <form ref=${form} class="fields" onSubmit=${add}>
        <h3>Add a label</h3>
        <label>Name <input name="name" required maxlength="200" placeholder="Cat, or Animal/Cat" /></label>
        <label>Key <input name="key" maxlength="1" pattern="[1-9a-zA-Z]" placeholder="next free one" /></label>
        <label>Description <input name="description" maxlength="2000" /></label>
        <label><input type="checkbox" name="own" /> Colour <input type="color" name="colour" defaultValue="#0072b2" value=${undefined} aria-label="Colour, where it is chosen" /></label>
        <fieldset>
          <legend>Answers that there are</legend>
          ${ANSWERS.map(([value, text], place) => html`<label key=${value}><input type="radio" name="answers" value=${value} defaultChecked=${place === 0} checked=${undefined} /> ${text}</label>`)}
        </fieldset>
        <button type="submit" class="main">Add the label</button>
      </form>
    </section>`;
}

function Instructions({ project }) {
  const text = useRef(null);
  return html`
    <section class="panel" aria-labelledby="write-heading">
      <h2 id="write-heading">Instructions</h2>
      <label for="instructions-text">Markdown, for labellers</label>
      <textarea id="instructions-text" ref=${text} rows="6" defaultValue=${project.told.instructions} maxlength="200000"></textarea>
      <div class="row"><button type="button" onClick=${() => patch(project, { instructions: text.current.value }, "Instructions saved")}>Save the instructions</button></div>
    </section>`;
}

function Files({ project }) {
  const [format, setFormat] = useState("mltable");
  const form = useRef(null);
  const upload = async (event) => {
    event.preventDefault();
    const { file, as, missing, unknown } = Object.fromEntries(new FormData(form.current));
    const kind = file.name.split(".").at(-1).toLowerCase();
    const query = { kind, import_as: as, missing_pictures: missing, add_unknown_labels: unknown ? "true" : "" };
    const done = await changed(
      ({ labelled, suggested, skipped }) => `${counted(labelled)} labelled, ${suggested} suggested, ${skipped} passed over`,
      () => ask("POST", projectPath(project.name, "/import", query), file, { timeout: 600_000 }),
    );
    if (!done) return;
    form.current.reset();
    project.refreshSoon();
  };
  return html`
    <section class="panel" aria-labelledby="files-heading">
      <h2 id="files-heading">Out and in</h2>
      <div class="row">
        <label>Format <select value=${format} onChange=${(event) => setFormat(event.target.value)}>${FORMATS.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}</select></label>
        ${session.in_studio && html`<a class="button main" href=${studioPath(project.name)}>Make a data asset</a>`}
        <a class="button" href=${apiUrl(projectPath(project.name, "/export", { format }))} download>Export the labels</a>
      </div>
      <form ref=${form} class="fields" onSubmit=${upload}>
        <h3>Import labels</h3>
        <label>File (CSV, JSON of COCO or Label Studio, JSON lines) <input type="file" name="file" accept=".csv,.json,.jsonl" required /></label>
        <label>As <select name="as"><option value="final">labels</option><option value="suggestions">suggestions to review</option></select></label>
        <label>Pictures that the project has not <select name="missing"><option value="refuse">refuse the file</option><option value="skip">pass over</option></select></label>
        <label><input type="checkbox" name="unknown" /> Add labels that the project has not</label>
        <button type="submit">Import</button>
      </form>
    </section>`;
}
