// Data assets of the workspace.

import { ask } from "../../shared/api.js";
import { html, useLoaded } from "../../shared/html.js";
import { CommandLine } from "../parts/command_line.js";
import { Ago } from "../parts/figures.js";
import { Empty, Loaded } from "../parts/states.js";

export function Page() {
  const assets = useLoaded(() => ask("GET", "/data"), []);
  return html`
    <div class="stack">
      <div class="page-head"><h1>Data</h1></div>
      <${CommandLine} command="tintype data list -o table" />
      <${Loaded} of=${assets}>${(all) => (all.length ? html`<${Assets} all=${all} />` : html`
        <${Empty} title="No data assets yet">
          <p class="hint">A data asset gives a folder of pictures a name and a version, so that jobs need no paths.</p>
          <${CommandLine} command="tintype data create --name photos --type uri_folder --path ./photos" label="How to make one" />
        <//>`)}<//>
    </div>`;
}

function Assets({ all }) {
  return html`
    <div class="panel scroll" tabindex="0" role="group" aria-label="Data assets"><table class="plain">
      <thead><tr><th scope="col">Name</th><th scope="col">Version</th><th scope="col">Type</th><th scope="col">Path</th><th scope="col">Made</th></tr></thead>
      <tbody>${all.map((asset) => html`
        <tr key=${asset.id}><th scope="row">${asset.name}</th><td>${asset.version}</td><td>${asset.type}</td><td>${asset.path}</td><td><${Ago} at=${asset.created_at} /></td></tr>`)}
      </tbody>
    </table></div>`;
}
