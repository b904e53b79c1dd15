// What is to be made of pictures that were chosen or filtered: a data asset, or a labelling project.

import { ask, withQuery } from "../../../shared/api.js";
import { Dialog } from "../../../shared/dialog.js";
import { counted, html, useForm, useState } from "../../../shared/html.js";
import { CommandLine } from "../../parts/command_line.js";
import { newJobPath } from "../jobs/addresses.js";
import { labellerPath, projectPath } from "../labelling/addresses.js";
import { tablePath } from "./addresses.js";

const KINDS = {
  "data-assets": { title: "A data asset", hint: "Labelled pictures, for jobs to train on or to be judged by. Nothing is copied." },
  "labelling-projects": { title: "A labelling project", hint: "People look at them again; labels that they have are suggestions." },
};

const OfAsset = ({ reference }) => html`
  <div class="row"><a class="button main" href=${newJobPath({ data: `azureml:${reference}` })}>New job from it</a><a class="button" href=${tablePath({ of: `asset:${reference}` })}>Look at it</a></div>`;

const OfProject = ({ name }) => html`
  <div class="row"><a class="button main" href=${labellerPath(name)}>Label</a><a class="button" href=${projectPath(name)}>To the project</a></div>`;

/** wanted: a filter of the table; count: how many pictures it has; first: the kind that is offered first. */
export function ExportDialog({ of, tableKey, wanted, count, title, first, onClose }) {
  const [kind, setKind] = useState(first);
  const [name, setName] = useState("");
  const [labels, setLabels] = useState("");
  const [made, setMade] = useState(null);
  const { submit, busy, error } = useForm(async () => {
    const body = { name };
    if (kind === "labelling-projects" && labels.trim()) body.labels = labels.split(",").map((label) => label.trim()).filter(Boolean);
    setMade(await ask("POST", withQuery(`/table/${kind}`, { of, key: tableKey, ...wanted }), body, { timeout: 300_000 }));
  });
  if (made) {
    return html`
      <${Dialog} title="Made" onClose=${onClose}>
        <div class="stack">
          <p role="status">${made.reference} has ${counted(made.pictures)}.</p>
          ${kind === "data-assets" ? html`<${OfAsset} reference=${made.reference} />` : html`<${OfProject} name=${made.reference} />`}
          <${CommandLine} command=${made.command} />
        </div>
      <//>`;
  }
  return html`
    <${Dialog} title=${`${counted(count)} of ${title}`} onClose=${onClose}>
      <form onSubmit=${submit} class="fields">
        <fieldset class="kinds"><legend>Make of them</legend>${Object.entries(KINDS).map(([each, told]) => html`
          <label key=${each} class="tick"><input type="radio" name="kind" checked=${kind === each} onChange=${() => setKind(each)} /><span>${told.title}<br /><span class="hint">${told.hint}</span></span></label>`)}
        </fieldset>
        <label>Name<input required maxlength="255" pattern="[A-Za-z0-9][A-Za-z0-9_.\\-]*" title="Letters, digits, '-', '_' and '.'" value=${name} onInput=${(event) => setName(event.target.value)} /></label>
        ${kind === "labelling-projects" && html`<label>Labels to choose from, with commas between them<input value=${labels} placeholder="Those of the table" onInput=${(event) => setLabels(event.target.value)} /></label>`}
        <p role="alert" class="error">${error}</p>
        <div class="row end"><button type="button" onClick=${onClose}>Cancel</button><button type="submit" class="main" disabled=${busy}>${busy ? "Working …" : "Make it"}</button></div>
      </form>
    <//>`;
}
