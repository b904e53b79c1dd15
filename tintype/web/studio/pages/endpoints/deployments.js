// What answers behind an endpoint: states, instances, and who gets which part of the traffic.

import { ask } from "../../../shared/api.js";
import { html, useState } from "../../../shared/html.js";
import { CommandLine, quoted } from "../../parts/command_line.js";
import { Ago, Status } from "../../parts/figures.js";
import { Empty } from "../../parts/states.js";
import { complain, say } from "../../parts/toasts.js";
import { Traffic } from "./traffic.js";

export function Tab({ endpoint, path, reload }) {
  if (!endpoint.deployments.length) {
    return html`<${Empty} title="No deployment yet"><p class="hint">A model's page has a button that puts it behind this endpoint.</p><a class="button" href="/models">Models</a><//>`;
  }
  return html`
    <div class="stack">
      <${Traffic} key=${JSON.stringify([endpoint.traffic, endpoint.deployments.map(({ name }) => name)])} endpoint=${endpoint} path=${path} reload=${reload} />
      <div class="columns">${endpoint.deployments.map((each) => html`<${Deployment} key=${each.name} endpoint=${endpoint} deployment=${each} path=${`${path}/deployments/${encodeURIComponent(each.name)}`} reload=${reload} />`)}</div>
    </div>`;
}

function Deployment({ endpoint, deployment, path, reload }) {
  const [count, setCount] = useState(null);
  const wanted = count ?? deployment.instance_count;
  const states = Object.entries(Object.groupBy(deployment.instances, ({ state }) => state)).map(([state, all]) => `${all.length} ${state}`).join(", ");
  const act = async (method, to, body, done) => {
    try {
      await ask(method, to, body, { timeout: 120_000 });
      say(done);
      setCount(null);
      reload();
    } catch (error) {
      complain(error);
    }
  };
  const scale = (event) => {
    event.preventDefault();
    act("PUT", `${path}/instances`, { instances: Number(wanted) }, "Scaling.");
  };
  const names = `--name ${quoted(deployment.name)} --endpoint-name ${quoted(endpoint.name)}`;
  return html`
    <section class="panel" aria-label=${`Deployment ${deployment.name}`}>
      <div class="row spread"><h2>${deployment.name}</h2><${Status} status=${deployment.provisioning_state} /></div>
      ${deployment.error && html`<p class="error">${deployment.error}</p>`}
      <dl class="facts">
        <div><dt>Model</dt><dd>${deployment.model_name}</dd></div>
        <div><dt>Instances</dt><dd><span role="status">${states || "none yet"}</span></dd></div>
        <div><dt>Changed</dt><dd><${Ago} at=${deployment.modified_at} /></dd></div>
      </dl>
      ${deployment.scaling === "default" ? html`
        <form class="row" onSubmit=${scale}>
          <label for=${`count-${deployment.name}`}>Instances</label>
          <input id=${`count-${deployment.name}`} class="count" type="number" min="1" max="100" required value=${wanted} onInput=${(event) => setCount(event.target.value)} />
          <button type="submit" disabled=${Number(wanted) === deployment.instance_count}>Scale</button>
        </form>` : html`<p class="hint">It scales by itself, as its document says.</p>`}
      <div class="row"><button type="button" disabled=${(endpoint.traffic[deployment.name] ?? 0) > 0} title="It can be deleted once it gets no traffic"
        onClick=${() => act("DELETE", path, undefined, `Deployment ${deployment.name} is deleted.`)}>Delete<span class="unseen"> ${deployment.name}</span></button></div>
      <${CommandLine} command=${[
        `tintype online-deployment show ${names}`,
        `tintype online-deployment update ${names} --set instance_count=${wanted}`,
      ]} />
    </section>`;
}
