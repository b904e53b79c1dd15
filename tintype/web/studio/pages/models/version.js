// A version of a registered model: what it is, how good it is, where it came from, where it serves.

import { ask, withQuery } from "../../../shared/api.js";
import { html, useLoaded, useState } from "../../../shared/html.js";
import { useEvents } from "../../events.js";
import { CommandLine, quoted } from "../../parts/command_line.js";
import { Ago, bytes } from "../../parts/figures.js";
import { Loaded } from "../../parts/states.js";
import { complain, say } from "../../parts/toasts.js";
import { go, setQuery } from "../../router.js";
import { CardFacts } from "./card_facts.js";
import { DeployDialog } from "./deploy.js";
import { Evaluations } from "./evaluations.js";
import { REGISTRY, taskName } from "./names.js";
import { Tags } from "./tags.js";

export function Page({ name, query }) {
  const version = query.get("version");
  const model = useLoaded(() => ask("GET", withQuery(`/models/${encodeURIComponent(name)}`, { version }), undefined, REGISTRY), [name, version]);
  useEvents("endpoints", model.reload, [name, version]);
  return html`<${Loaded} of=${model}>${(found) => html`<${Version} model=${found} reload=${model.reload} />`}<//>`;
}

function Version({ model, reload }) {
  const [deploying, setDeploying] = useState(false);
  const path = `/models/${encodeURIComponent(model.name)}/versions/${encodeURIComponent(model.version)}`;
  const act = async (work) => {
    try {
      await work();
    } catch (error) {
      complain(error);
    }
  };
  const archive = () => act(async () => {
    await ask("PUT", `${path}/archived`, { archived: !model.archived }, REGISTRY);
    say(model.archived ? "Restored." : "Archived: hidden from lists.");
    reload();
  });
  const exported = () => act(async () => {
    const run = await ask("POST", `${path}/export`, undefined, REGISTRY);
    say("The export is a job, and the file one of its outputs.");
    go(`/jobs/${encodeURIComponent(run.name)}`);
  });
  const there = !model.missing;
  return html`
    <div class="stack">
      <div class="page-head">
        <div class="stack tight"><h1>${model.name}</h1>
          <p class="row facts-line"><span>${taskName(model.tags["tintype.task"])}</span><${Ago} at=${model.created_at} />${model.archived && html`<strong>archived</strong>`}
            ${model.bytes > 0 && html`<span>${bytes(model.bytes)}</span>`}</p>
        </div>
        <div class="row">
          <label class="row">Version
            <select class="narrow-field" value=${model.version} onChange=${(event) => setQuery({ version: event.target.value }, { replace: false })}>
              ${model.versions.map((each) => html`<option key=${each.version} value=${each.version} selected=${each.version === model.version}>${each.version}${each.archived ? " (archived)" : ""}</option>`)}
            </select></label>
          <button type="button" class="main" disabled=${!there} onClick=${() => setDeploying(true)}>Deploy</button>
          <a class="button" href=${withQuery("/compare-models", { model: model.id })}>Compare</a>
          ${there && html`<a class="button" href=${`/api${path}/archive`} download>Download</a>`}
          <button type="button" disabled=${!there} onClick=${exported}>Export as ONNX</button>
          <button type="button" onClick=${archive}>${model.archived ? "Restore" : "Archive"}</button>
        </div>
      </div>
      ${model.missing && html`<p class="error" role="status">${model.missing}</p>`}
      <div class="columns">
        <${Evaluations} model=${model} />
        <div class="stack">
          <${Lineage} model=${model} />
          <${Tags} model=${model} path=${path} reload=${reload} />
        </div>
        <${CardFacts} card=${model.card} labels=${model.labels} count=${model.label_count} />
      </div>
      <${CommandLine} command=${[
        `tintype model show --name ${quoted(model.name)} --version ${quoted(model.version)}`,
        `tintype model download --name ${quoted(model.name)} --version ${quoted(model.version)}`,
        `tintype model export ${quoted(model.id)} --output onnx`,
        `tintype model ${model.archived ? "restore" : "archive"} --name ${quoted(model.name)} --version ${quoted(model.version)}`,
      ]} />
      ${deploying && html`<${DeployDialog} model=${model.id} title=${`${model.name}, version ${model.version}`} onClose=${() => setDeploying(false)} />`}
    </div>`;
}

function Lineage({ model }) {
  return html`
    <section class="panel" aria-labelledby="lineage">
      <h2 id="lineage">Where it is from, and where it serves</h2>
      <dl class="facts">
        <div><dt>Made by</dt><dd>${model.job ? html`<a href=${`/jobs/${encodeURIComponent(model.job)}`}>${model.job}</a>` : "no run of this workspace"}</dd></div>
        <div><dt>Serves</dt><dd>${model.served_by.length ? html`<ul>${model.served_by.map(({ endpoint, deployment, batch }) => html`
          <li key=${`${batch} ${endpoint} ${deployment}`}><a href=${`/${batch ? "batch-endpoints" : "endpoints"}/${encodeURIComponent(endpoint)}`}>${endpoint}</a>, deployment ${deployment}</li>`)}</ul>` : "nowhere yet"}</dd></div>
      </dl>
    </section>`;
}
