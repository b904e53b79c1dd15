// Registered models.

import { ask } from "../../shared/api.js";
import { html, useLoaded } from "../../shared/html.js";
import { CommandLine } from "../parts/command_line.js";
import { Ago } from "../parts/figures.js";
import { Empty, Loaded } from "../parts/states.js";

export function Page() {
  const models = useLoaded(() => ask("GET", "/models"), []);
  return html`
    <div class="stack">
      <div class="page-head"><h1>Models</h1></div>
      <${CommandLine} command="tintype model list -o table" />
      <${Loaded} of=${models}>${(all) => (all.length ? html`<${Versions} all=${all} />` : html`
        <${Empty} title="No registered models yet">
          <p class="hint">A job registers its model where its document has an output with a name.</p>
          <a class="button" href="/new-job">New job</a>
        <//>`)}<//>
    </div>`;
}

function Versions({ all }) {
  return html`
    <div class="panel scroll" tabindex="0" role="group" aria-label="Registered models"><table class="plain">
      <thead><tr><th scope="col">Name</th><th scope="col">Version</th><th scope="col">Task</th><th scope="col">Job</th><th scope="col">Made</th></tr></thead>
      <tbody>${all.map((model) => html`
        <tr key=${model.id}><th scope="row">${model.name}</th><td>${model.version}</td><td>${model.tags["tintype.task"] ?? ""}</td>
          <td>${model.tags["tintype.job"] && html`<a href=${`/jobs/${encodeURIComponent(model.tags["tintype.job"])}`}>${model.tags["tintype.job"]}</a>`}</td>
          <td><${Ago} at=${model.created_at} /></td></tr>`)}
      </tbody>
    </table></div>`;
}
