// Labelling projects, and how far they have come.

import { ask } from "../../../shared/api.js";
import { html, percent, useLoaded } from "../../../shared/html.js";
import { useEvents } from "../../events.js";
import { CommandLine } from "../../parts/command_line.js";
import { Status } from "../../parts/figures.js";
import { Empty, Loaded } from "../../parts/states.js";
import { labellerPath, newProjectPath, projectPath } from "./addresses.js";

export function Page() {
  const projects = useLoaded(() => ask("GET", "/labelling/projects"), []);
  useEvents("labelling", projects.reload);
  return html`
    <div class="stack">
      <div class="page-head"><h1>Labelling</h1><a class="button main" href=${newProjectPath()}>New project</a></div>
      <${CommandLine} command=${["tintype label list -o table", "tintype label serve"]} />
      <${Loaded} of=${projects}>${(all) => (all.length ? html`<${Projects} all=${all} />` : html`
        <${Empty} title="No labelling projects yet">
          <p class="hint">A project hands pictures to people, who label them by keys, with suggestions that learn.</p>
          <a class="button main" href=${newProjectPath()}>Make one</a>
          <${CommandLine} command="tintype label create --name photos --data ./photos --label Cat --label Dog" label="How to make one" />
        <//>`)}<//>
    </div>`;
}

function Projects({ all }) {
  return html`
    <div class="panel scroll" tabindex="0" role="group" aria-label="Labelling projects"><table class="plain">
      <thead><tr><th scope="col">Project</th><th scope="col"><span class="unseen">Work</span></th><th scope="col">Done</th><th scope="col">State</th><th scope="col">Pictures</th><th scope="col">Unlabelled</th><th scope="col">To review</th></tr></thead>
      <tbody>${all.map(({ name, state, pictures, role }) => html`
        <tr key=${name}>
          <th scope="row"><a href=${projectPath(name)}>${name}</a></th>
          <td>${role && state === "running" && html`<a class="button" href=${labellerPath(name)} aria-label=${`Label ${name}`}>Label</a>`}</td>
          <td><${Done} pictures=${pictures} /></td>
          <td><${Status} status=${state} /></td>
          <td>${pictures.total.toLocaleString("en")}</td><td>${(pictures.unlabelled ?? 0).toLocaleString("en")}</td>
          <td>${pictures.needs_review && role && role !== "labeller" ? html`<a href=${labellerPath(name, "review")}>${pictures.needs_review.toLocaleString("en")}</a>` : (pictures.needs_review ?? 0).toLocaleString("en")}</td>
        </tr>`)}
      </tbody>
    </table></div>`;
}

/** How many of a project's pictures are answered. */
export function Done({ pictures }) {
  const { total } = pictures;
  const done = total - (pictures.unlabelled ?? 0) - (pictures.needs_review ?? 0);
  return html`
    <span class="done-share">
      <progress aria-label="Pictures done" max=${Math.max(1, total)} value=${done}></progress>
      <span class="figure">${percent(total ? done / total : 0)}</span>
    </span>`;
}
