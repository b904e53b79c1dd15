// A labelling project: how far it is, the way to the labeller's page, and from its labels to data and a job.

import { ask } from "../../../shared/api.js";
import { html, useForm, useLoaded, useState } from "../../../shared/html.js";
import { useEvents } from "../../events.js";
import { CommandLine, quoted } from "../../parts/command_line.js";
import { Ago, Status } from "../../parts/figures.js";
import { Loaded } from "../../parts/states.js";
import { say } from "../../parts/toasts.js";
import { tablePath } from "../data/addresses.js";
import { newJobPath } from "../jobs/addresses.js";
import { labellerPath } from "./addresses.js";
import { Done } from "./list.js";

// What has an answer that stands.
const DECIDED = ["labelled", "completed"];
const EXPORT_MS = 300_000;

export function Page({ name }) {
  const project = useLoaded((signal) => ask("GET", `/labelling/projects/${encodeURIComponent(name)}`, undefined, { signal }), [name]);
  useEvents("labelling", project.reload);
  return html`<${Loaded} of=${project}>${(found) => html`<${Project} project=${found} reload=${project.reload} />`}<//>`;
}

function Project({ project, reload }) {
  const { name, state, role, pictures } = project;
  const decided = DECIDED.reduce((sum, each) => sum + (pictures[each] ?? 0), 0);
  return html`
    <div class="stack">
      <div class="page-head">
        <h1>${name}</h1>
        <div class="row">
          <${Status} status=${state} />
          ${role && html`<a class="button main" href=${labellerPath(name)}>Label</a>`}
          ${role && role !== "labeller" && pictures.needs_review > 0 && html`<a class="button" href=${labellerPath(name, "review")}>Review</a>`}
          ${role === "owner" && html`<a class="button" href=${labellerPath(name, "project")}>Settings</a>`}
        </div>
      </div>
      ${!role && html`
        <p class="hint">You are no member of this project: its pictures and answers open to those who are.</p>
        <${CommandLine} command=${`tintype label assign --name ${quoted(name)} --person NAME --role owner`} />`}
      <div class="columns">
        <section class="panel" aria-labelledby="progress">
          <h2 id="progress">Pictures</h2>
          <${Done} pictures=${pictures} />
          <dl class="facts">
            ${Object.entries(pictures).map(([each, count]) => html`<div key=${each}><dt>${each.replaceAll("_", " ")}</dt><dd class="figure">${count.toLocaleString("en")}</dd></div>`)}
            ${Object.entries(project.faults).map(([fault, count]) => html`<div key=${`fault ${fault}`}><dt>files ${fault}</dt><dd class="figure">${count.toLocaleString("en")}</dd></div>`)}
            <div><dt>data</dt><dd>${project.data}</dd></div>
          </dl>
        </section>
        <section class="panel" aria-labelledby="labels">
          <h2 id="labels">Labels</h2>
          <ul class="lines">${project.labels.map((label) => html`
            <li key=${label.name}><span class="name">${label.name}</span>${label.key && html`<kbd>${label.key}</kbd>`}<span class="figure">${(project.labelled[label.name] ?? 0).toLocaleString("en")}</span></li>`)}
          </ul>
        </section>
        <section class="panel" aria-labelledby="made">
          <h2 id="made">Data assets of its labels</h2>
          <${Export} name=${name} decided=${decided} made=${reload} />
          ${project.data_assets.length > 0 && html`<ul class="lines">${project.data_assets.map((asset) => html`<${Asset} key=${asset.id} asset=${asset} task=${project.task} />`)}</ul>`}
          <${CommandLine} command=${`tintype label export --name ${quoted(name)} --path labels --register ${quoted(name)}`} />
        </section>
      </div>
    </div>`;
}

function Export({ name, decided, made }) {
  const [asset, setAsset] = useState(name);
  const { submit, busy, error } = useForm(async () => {
    const done = await ask("POST", `/labelling/projects/${encodeURIComponent(name)}/data-assets`, { name: asset }, { timeout: EXPORT_MS });
    say(`${done.data_asset} has ${done.pictures.toLocaleString("en")} pictures.`);
    made();
  });
  if (!decided) return html`<p class="hint">Once pictures are labelled, they can become a data asset here, which jobs train on.</p>`;
  return html`
    <form class="fields" onSubmit=${submit}>
      <label>Name of the data asset<span class="row wide">
        <input required maxlength="255" pattern="[A-Za-z0-9][A-Za-z0-9_.\\-]*" title="Letters, digits, '-', '_' and '.'" value=${asset} onInput=${(event) => setAsset(event.target.value)} />
        <button type="submit" class="main" disabled=${busy}>${busy ? "Working …" : "Export as data asset"}</button></span></label>
      <p role="alert" class="error">${error}</p>
    </form>`;
}

function Asset({ asset, task }) {
  return html`
    <li>
      <a class="name" href=${tablePath({ of: `asset:${asset.name}:${asset.version}` })}>${asset.name}, version ${asset.version}</a>
      <span class="hint"><${Ago} at=${asset.created_at} /></span>
      <a class="button" href=${newJobPath({ data: asset.id, task, register: asset.name })} aria-label=${`New job from ${asset.name}, version ${asset.version}`}>New job</a>
    </li>`;
}
