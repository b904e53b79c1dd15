// One batch endpoint: its deployments, an invocation, and the jobs that it was asked for.

import { ask } from "../../../shared/api.js";
import { Dialog } from "../../../shared/dialog.js";
import { html, useForm, useLoaded, useState } from "../../../shared/html.js";
import { useEvents } from "../../events.js";
import { CommandLine, quoted } from "../../parts/command_line.js";
import { Ago, Duration, figure, Status } from "../../parts/figures.js";
import { Loaded } from "../../parts/states.js";
import { complain, say } from "../../parts/toasts.js";
import { go } from "../../router.js";

// Model and files are looked at before the job is made.
const LOOK_MS = 600_000;

export function Page({ name }) {
  const path = `/batch-endpoints/${encodeURIComponent(name)}`;
  const endpoint = useLoaded(() => ask("GET", path), [name]);
  useEvents("runs", endpoint.reload, [name]);
  return html`<${Loaded} of=${endpoint}>${(found) => html`<${Endpoint} endpoint=${found} path=${path} />`}<//>`;
}

function Endpoint({ endpoint, path }) {
  const [deleting, setDeleting] = useState(false);
  const name = quoted(endpoint.name);
  const remove = async () => {
    setDeleting(false);
    try {
      await ask("DELETE", path);
      say(`${endpoint.name} is deleted.`);
      go("/endpoints");
    } catch (error) {
      complain(error);
    }
  };
  return html`
    <div class="stack">
      <div class="page-head"><h1>${endpoint.name}</h1><button type="button" onClick=${() => setDeleting(true)}>Delete</button></div>
      <div class="columns">
        <${Invoke} endpoint=${endpoint} path=${path} />
        <section class="panel" aria-labelledby="batch-deployments"><h2 id="batch-deployments">Deployments</h2>
          <ul class="lines">${endpoint.deployments.map((each) => html`
            <li key=${each.name}><span class="name">${each.name}${each.name === endpoint.default_deployment ? " (default)" : ""}</span><span class="hint name">${each.model}</span><span class="hint"><${Ago} at=${each.modified_at} /></span></li>`)}
          </ul>
          <${CommandLine} command=${`tintype batch-deployment list --endpoint-name ${name} -o table`} />
        </section>
      </div>
      <section class="panel" aria-labelledby="batch-jobs"><h2 id="batch-jobs">Jobs</h2>
        ${endpoint.jobs.length ? html`<ul class="lines">${endpoint.jobs.map((run) => html`
          <li key=${run.name}><a class="name" href=${`/jobs/${encodeURIComponent(run.name)}`}>${run.display_name}</a>${run.score && html`<span class="figure">${figure(run.score.value)}</span>`}<${Duration} run=${run} /><${Status} status=${run.status} /></li>`)}</ul>`
          : html`<p class="hint">It was not invoked yet.</p>`}
        <${CommandLine} command=${`tintype batch-endpoint list-jobs --name ${name} -o table`} />
      </section>
      ${deleting && html`
        <${Dialog} title=${`Delete ${endpoint.name}?`} onClose=${() => setDeleting(false)}>
          <p>Its ${endpoint.deployments.length} deployments end with it. Jobs that it started go on and stay.</p>
          <div class="row end"><button type="button" onClick=${() => setDeleting(false)}>Keep it</button><button type="button" class="main" onClick=${remove}>Delete</button></div>
          <${CommandLine} command=${`tintype batch-endpoint delete --name ${name} --yes`} />
        <//>`}
    </div>`;
}

function Invoke({ endpoint, path }) {
  const choices = useLoaded(() => ask("GET", "/job-choices"), []);
  const [data, setData] = useState("");
  const [deployment, setDeployment] = useState(endpoint.default_deployment ?? "");
  const { submit, busy, error } = useForm(async () => {
    const run = await ask("POST", `${path}/invoke`, { data, deployment: deployment || null }, { timeout: LOOK_MS });
    go(`/jobs/${encodeURIComponent(run.name)}`);
  });
  return html`
    <section class="panel" aria-labelledby="invoke"><h2 id="invoke">Invoke</h2>
      <form onSubmit=${submit}>
        <div class="fields">
          <label>Pictures<input list="batch-data" required value=${data} placeholder="azureml:NAME@latest, folder or table" onInput=${(event) => setData(event.target.value.trim())} /></label>
          <datalist id="batch-data">${(choices.value?.data ?? []).map((name) => html`<option key=${name} value=${name}></option>`)}</datalist>
          <label>Deployment<select value=${deployment} onChange=${(event) => setDeployment(event.target.value)}>${endpoint.deployments.map(({ name }) => html`<option key=${name} value=${name} selected=${name === deployment}>${name}</option>`)}</select></label>
        </div>
        <p class="error" role="alert">${error}</p>
        <div class="row end">${busy && html`<p class="hint" role="status">Model and pictures are looked at …</p>`}<button type="submit" class="main" disabled=${busy || !endpoint.deployments.length}>Invoke</button></div>
      </form>
      <${CommandLine} command=${`tintype batch-endpoint invoke --name ${quoted(endpoint.name)} --input ${quoted(data || "DATA")}${deployment ? ` --deployment-name ${quoted(deployment)}` : ""}`} />
    </section>`;
}
