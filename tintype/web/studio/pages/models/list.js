// Registered models, the latest version of each.

import { ask, withQuery } from "../../../shared/api.js";
import { html, useLoaded, useState } from "../../../shared/html.js";
import { useEvents } from "../../events.js";
import { CommandLine } from "../../parts/command_line.js";
import { Ago } from "../../parts/figures.js";
import { Empty, Loaded } from "../../parts/states.js";
import { go, setQuery } from "../../router.js";
import { newJobPath } from "../jobs/addresses.js";
import { pathOfModel, REGISTRY, taskName } from "./names.js";
import { RegisterDialog } from "./register.js";
import { Sides } from "./sides.js";

export function Page({ query }) {
  const archived = query.get("archived") === "true";
  const search = (query.get("search") ?? "").toLowerCase();
  const models = useLoaded(() => ask("GET", withQuery("/models", { archived: archived || undefined }), undefined, REGISTRY), [archived]);
  const [chosen, setChosen] = useState([]);
  const [registering, setRegistering] = useState(false);
  // A job that has ended may have registered one.
  useEvents("runs", models.reload, [archived]);
  const choose = (id, on) => setChosen(on ? [...chosen, id] : chosen.filter((other) => other !== id));
  return html`
    <div class="stack">
      <div class="page-head">
        <h1>Models</h1>
        <div class="row">
          <button type="button" disabled=${chosen.length !== 2} title="Choose two models" onClick=${() => go(withQuery("/compare-models", { model: chosen }))}>Compare${chosen.length ? ` ${chosen.length}` : ""}</button>
          <button type="button" class="main" onClick=${() => setRegistering(true)}>Register</button>
        </div>
      </div>
      <${Sides} here="/models" />
      <div class="filters" role="search">
        <label>Search<input type="search" placeholder="Words in name, description, tags" defaultValue=${query.get("search") ?? ""} onInput=${(event) => setQuery({ search: event.target.value })} /></label>
        <label class="check"><input type="checkbox" checked=${archived} onChange=${(event) => setQuery({ archived: event.target.checked ? "true" : "" })} /> Archived ones, too</label>
      </div>
      <${Loaded} of=${models}>${(all) => {
        const found = all.filter((model) => told(model).includes(search));
        if (found.length) return html`<${Versions} all=${found} chosen=${chosen} choose=${choose} />`;
        return all.length ? html`<${Empty} title="No model is like that" />` : html`
          <${Empty} title="No registered models yet">
            <p class="hint">A job registers its model where its document has an output with a name; what a run has made can be registered later.</p>
            <div class="row"><a class="button" href=${newJobPath()}>New job</a><a class="button" href="/catalog">Catalog</a></div>
          <//>`;
      }}<//>
      <${CommandLine} command=${`tintype model list -o table${archived ? " --include-archived" : ""}`} />
      ${registering && html`<${RegisterDialog} onClose=${() => setRegistering(false)} />`}
    </div>`;
}

const told = ({ name, description, tags }) => [name, description ?? "", ...Object.entries(tags).flat()].join(" ").toLowerCase();

function Versions({ all, chosen, choose }) {
  return html`
    <div class="panel scroll" tabindex="0" role="group" aria-label="Registered models"><table class="plain">
      <thead><tr><th scope="col" class="short"><span class="unseen">Chosen</span></th><th scope="col">Name</th><th scope="col" class="short">Version</th><th scope="col">Task</th><th scope="col">Made by</th><th scope="col">Made</th></tr></thead>
      <tbody>${all.map((model) => html`
        <tr key=${model.id}>
          <td class="short"><input type="checkbox" aria-label=${`Choose ${model.name}`} checked=${chosen.includes(model.id)} onChange=${(event) => choose(model.id, event.target.checked)} /></td>
          <th scope="row"><a href=${pathOfModel(model.name)}>${model.name}</a>${model.archived && html` <span class="hint">archived</span>`}</th>
          <td class="short">${model.version}</td><td>${taskName(model.tags["tintype.task"])}</td>
          <td>${model.tags["tintype.job"] && html`<a href=${`/jobs/${encodeURIComponent(model.tags["tintype.job"])}`}>${model.tags["tintype.job"]}</a>`}</td>
          <td><${Ago} at=${model.created_at} /></td></tr>`)}
      </tbody>
    </table></div>`;
}
