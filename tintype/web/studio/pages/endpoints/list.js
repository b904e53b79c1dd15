// Endpoints, online and batch.

import { ask } from "../../../shared/api.js";
import { html, useLoaded } from "../../../shared/html.js";
import { useEvents } from "../../events.js";
import { CommandLine } from "../../parts/command_line.js";
import { Ago, Status } from "../../parts/figures.js";
import { Empty, Loaded } from "../../parts/states.js";

export function Page() {
  const online = useLoaded(() => ask("GET", "/endpoints"), []);
  const batch = useLoaded(() => ask("GET", "/batch-endpoints"), []);
  useEvents("endpoints", () => {
    online.reload();
    batch.reload();
  });
  return html`
    <div class="stack">
      <div class="page-head"><h1>Endpoints</h1><a class="button" href="/models">Deploy a model</a></div>
      <${Loaded} of=${online}>${({ endpoints, daemon }) => (endpoints.length ? html`
        ${!daemon && html`<p class="error" role="status">The daemon does not run, so nothing is served: tintype up</p>`}
        <${Online} endpoints=${endpoints} />` : html`
        <${Empty} title="No endpoints yet">
          <p class="hint">An endpoint is an address with keys, behind which models answer. Any model has a button that makes one.</p>
          <div class="row"><a class="button" href="/models">Models</a><a class="button" href="/catalog">Catalog</a></div>
        <//>`)}<//>
      ${batch.value?.length > 0 && html`<${Batch} endpoints=${batch.value} />`}
      <${CommandLine} command=${["tintype online-endpoint list -o table", "tintype batch-endpoint list -o table"]} />
    </div>`;
}

function Online({ endpoints }) {
  return html`
    <section class="panel scroll" tabindex="0" aria-label="Online endpoints"><table class="plain">
      <thead><tr><th scope="col">Online endpoint</th><th scope="col">State</th><th scope="col">Traffic</th><th scope="col">Changed</th></tr></thead>
      <tbody>${endpoints.map((endpoint) => html`
        <tr key=${endpoint.name}><th scope="row"><a href=${`/endpoints/${encodeURIComponent(endpoint.name)}`}>${endpoint.name}</a></th>
          <td><${Status} status=${stateOf(endpoint)} /></td>
          <td>${endpoint.deployments.length ? endpoint.deployments.map(({ name }) => `${name} ${endpoint.traffic[name] ?? 0} %`).join(", ") : "no deployment yet"}</td>
          <td><${Ago} at=${endpoint.modified_at} /></td></tr>`)}
      </tbody>
    </table></section>`;
}

/** An endpoint is as well as what is behind it. */
function stateOf({ provisioning_state: own, deployments }) {
  const states = deployments.map(({ provisioning_state: state }) => state);
  return states.find((state) => state === "Failed") ?? states.find((state) => state !== "Succeeded") ?? own;
}

function Batch({ endpoints }) {
  return html`
    <section class="panel scroll" tabindex="0" aria-label="Batch endpoints"><table class="plain">
      <thead><tr><th scope="col">Batch endpoint</th><th scope="col">Deployments</th><th scope="col">Changed</th></tr></thead>
      <tbody>${endpoints.map(({ name, deployments, default_deployment: chosen, modified_at: at }) => html`
        <tr key=${name}><th scope="row"><a href=${`/batch-endpoints/${encodeURIComponent(name)}`}>${name}</a></th>
          <td>${deployments.map((one) => (one.name === chosen ? `${one.name} (default)` : one.name)).join(", ") || "none yet"}</td>
          <td><${Ago} at=${at} /></td></tr>`)}
      </tbody>
    </table></section>`;
}
