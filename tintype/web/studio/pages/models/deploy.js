// A model behind an endpoint, by one button: the endpoint is made where there is none of that name.

import { ask } from "../../../shared/api.js";
import { Dialog } from "../../../shared/dialog.js";
import { html, useForm, useLoaded, useState } from "../../../shared/html.js";
import { CommandLine, quoted } from "../../parts/command_line.js";
import { go } from "../../router.js";

// The daemon may have to be started.
const START_MS = 120_000;

/** `model` as documents name it; `title` as people read it. */
export function DeployDialog({ model, title, onClose }) {
  const endpoints = useLoaded(() => ask("GET", "/endpoints"), []);
  const [given, setGiven] = useState({ kind: "online", endpoint: "", deployment: "blue", instances: "1" });
  const give = (key) => (event) => setGiven({ ...given, [key]: event.target.value.trim() });
  const batch = given.kind === "batch";
  const known = endpoints.value?.endpoints.some(({ name }) => name === given.endpoint);
  const { submit, busy, error } = useForm(async () => {
    const { endpoint, deployment, instances } = given;
    const body = { endpoint, deployment, model, ...(batch ? {} : { instances: Number(instances) }) };
    await ask("POST", batch ? "/batch-endpoints" : "/endpoints", body, { timeout: START_MS });
    onClose();
    go(`/${batch ? "batch-endpoints" : "endpoints"}/${encodeURIComponent(endpoint)}`);
  });
  return html`
    <${Dialog} title=${`Deploy ${title}`} onClose=${onClose} wide>
      <form onSubmit=${submit}>
        <div class="fields">
          <label>Kind<select value=${given.kind} onChange=${give("kind")}>
            <option value="online">Online: answers requests at an address</option><option value="batch">Batch: scores files when it is invoked</option></select></label>
          <label>Endpoint<input list="endpoints" required minlength="3" maxlength="32" placeholder="a new name, or one that there is" value=${given.endpoint} onInput=${give("endpoint")} /></label>
          <datalist id="endpoints">${!batch && (endpoints.value?.endpoints ?? []).map(({ name }) => html`<option key=${name} value=${name}></option>`)}</datalist>
          <label>Deployment<input required minlength="3" maxlength="32" value=${given.deployment} onInput=${give("deployment")} /></label>
          ${!batch && html`<label>Instances<input type="number" min="1" max="20" required value=${given.instances} onInput=${give("instances")} /></label>`}
        </div>
        ${!batch && known && html`<p class="hint">The endpoint has deployments: this one gets traffic when you give it some.</p>`}
        <p class="error" role="alert">${error}</p>
        <div class="row end">
          ${busy && html`<p class="hint" role="status">The model is looked at …</p>`}
          <button type="button" onClick=${onClose}>Cancel</button><button type="submit" class="main" disabled=${busy}>Deploy</button>
        </div>
      </form>
      <${CommandLine} command=${written(given, model, batch)} />
    <//>`;
}

function written({ endpoint, deployment, instances }, model, batch) {
  const name = endpoint || "ENDPOINT";
  const noun = batch ? "batch" : "online";
  const keys = [`name: ${deployment}`, `endpoint_name: ${name}`, `model: ${model}`, ...(batch ? [] : [`instance_count: ${instances}`])];
  return [
    `tintype ${noun}-endpoint create --name ${quoted(name)}`,
    `printf '%s\\n' ${keys.map(quoted).join(" ")} > deployment.yml`,
    `tintype ${noun}-deployment create --file deployment.yml ${batch ? "--set-default" : "--all-traffic"}`,
  ];
}
