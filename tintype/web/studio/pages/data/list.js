// What has pictures to look at: data assets, folders that the studio was started with, tables of runs.

import { ask } from "../../../shared/api.js";
import { html, useLoaded, useState } from "../../../shared/html.js";
import { CommandLine } from "../../parts/command_line.js";
import { Ago } from "../../parts/figures.js";
import { Empty, Failure, Loaded } from "../../parts/states.js";
import { go } from "../../router.js";
import { tablePath, titleOf } from "./addresses.js";

export function Page() {
  const assets = useLoaded(() => ask("GET", "/data"), []);
  const folders = useLoaded(() => ask("GET", "/data/folders"), []);
  return html`
    <div class="stack">
      <div class="page-head"><h1>Data</h1></div>
      <${CommandLine} command="tintype data list -o table" />
      <${Loaded} of=${assets}>${(all) => (all.length ? html`<${Assets} all=${all} />` : html`
        <${Empty} title="No data assets yet">
          <p class="hint">A data asset gives a folder of pictures a name and a version, so that jobs need no paths.</p>
          <${CommandLine} command="tintype data create --name photos --type uri_folder --path ./photos" label="How to make one" />
        <//>`)}<//>
      <div class="columns">
        <section class="panel" aria-labelledby="folders">
          <h2 id="folders">Folders</h2>
          <${Loaded} of=${folders}>${({ tables }) => (tables.length ? html`<${Tables} tables=${tables} />` : html`
            <p class="hint">Start the studio with <code>--data FOLDER</code>, and pictures in that folder can be looked at, too.</p>`)}<//>
          <${OfWorkspace} />
        </section>
        <section class="panel" aria-labelledby="of-runs">
          <h2 id="of-runs">Tables of a run</h2>
          <p class="hint">The data that a run was given, and what a batch or an evaluation predicted.</p>
          <${OfRun} />
        </section>
      </div>
    </div>`;
}

function Assets({ all }) {
  return html`
    <div class="panel scroll" tabindex="0" role="group" aria-label="Data assets"><table class="plain">
      <thead><tr><th scope="col">Name</th><th scope="col">Version</th><th scope="col">Type</th><th scope="col">Path</th><th scope="col">Made</th></tr></thead>
      <tbody>${all.map((asset) => html`<${Asset} key=${asset.name} asset=${asset} />`)}</tbody>
    </table></div>`;
}

function Asset({ asset }) {
  const [versions, setVersions] = useState(null);
  const [error, setError] = useState(null);
  const more = () => ask("GET", `/data/assets/${encodeURIComponent(asset.name)}`).then(setVersions, setError);
  const rows = (versions ?? [asset]).map((each, place) => html`
    <tr key=${each.id}>
      <th scope="row"><a href=${tablePath({ of: `asset:${each.name}:${each.version}` })}>${each.name}</a></th>
      <td>${each.version}${place === 0 && !versions && each.version !== "1" && html` <button type="button" class="quiet" aria-label=${`All versions of ${each.name}`} onClick=${more}>all</button>`}</td>
      <td>${each.type}</td><td>${each.path}</td><td><${Ago} at=${each.created_at} /></td>
    </tr>`);
  return html`${rows}${error && html`<tr><td colspan="5" class="error" role="alert">${error.message}</td></tr>`}`;
}

const Tables = ({ tables }) => html`
  <ul class="lines tall">${tables.map((of) => html`<li key=${of}><a class="name" href=${tablePath({ of })}>${titleOf(of)}</a></li>`)}</ul>`;

function OfWorkspace() {
  const [path, setPath] = useState("");
  const look = (event) => {
    event.preventDefault();
    if (path.trim()) go(tablePath({ of: `folder:workspace/${path.trim().replace(/^\/+/, "")}` }));
  };
  return html`
    <form onSubmit=${look} class="fields"><label>Below the workspace
      <span class="row wide"><input value=${path} onInput=${(event) => setPath(event.target.value)} placeholder="selections/tables/photos/1" /><button type="submit">Look</button></span></label></form>`;
}

function OfRun() {
  const [name, setName] = useState("");
  const [found, setFound] = useState(null);
  const [error, setError] = useState(null);
  const recent = useLoaded(() => ask("GET", "/jobs?limit=50"), []);
  const look = (event) => {
    event.preventDefault();
    setFound(null);
    setError(null);
    if (name.trim()) ask("GET", `/data/runs/${encodeURIComponent(name.trim())}`).then(setFound, setError);
  };
  return html`
    <form onSubmit=${look} class="fields"><label>Name of the run
      <span class="row wide"><input value=${name} list="recent-runs" onInput=${(event) => setName(event.target.value)} /><button type="submit">Find</button></span></label>
      <datalist id="recent-runs">${(recent.value?.runs ?? []).map((run) => html`<option key=${run.name} value=${run.name}>${run.display_name}</option>`)}</datalist></form>
    ${error && html`<${Failure} error=${error} />`}
    ${found && (found.tables.length ? html`<${Tables} tables=${found.tables} />` : html`<p class="hint">This run has no table of pictures.</p>`)}`;
}
