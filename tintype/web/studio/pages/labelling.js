// Labelling projects.

import { ask } from "../../shared/api.js";
import { html, useLoaded } from "../../shared/html.js";
import { CommandLine } from "../parts/command_line.js";
import { Status } from "../parts/figures.js";
import { Empty, Loaded } from "../parts/states.js";

export function Page() {
  const projects = useLoaded(() => ask("GET", "/labelling/projects"), []);
  return html`
    <div class="stack">
      <div class="page-head"><h1>Labelling</h1></div>
      <${CommandLine} command=${["tintype label list -o table", "tintype label serve"]} />
      <${Loaded} of=${projects}>${(all) => (all.length ? html`<${Projects} all=${all} />` : html`
        <${Empty} title="No labelling projects yet">
          <p class="hint">A project hands pictures to people, who label them by keys, with suggestions that learn.</p>
          <${CommandLine} command="tintype label create --name photos --data ./photos --label Cat --label Dog" label="How to make one" />
        <//>`)}<//>
    </div>`;
}

function Projects({ all }) {
  return html`
    <div class="panel scroll" tabindex="0" role="group" aria-label="Labelling projects"><table class="plain">
      <thead><tr><th scope="col">Project</th><th scope="col">State</th><th scope="col">Pictures</th><th scope="col">Unlabelled</th><th scope="col">To review</th></tr></thead>
      <tbody>${all.map(({ name, state, pictures }) => html`
        <tr key=${name}><th scope="row">${name}</th><td><${Status} status=${state} /></td><td>${pictures.total}</td><td>${pictures.unlabelled ?? 0}</td><td>${pictures.needs_review ?? 0}</td></tr>`)}
      </tbody>
    </table></div>`;
}
