// Online endpoints.

import { ask } from "../../shared/api.js";
import { html, useLoaded } from "../../shared/html.js";
import { CommandLine } from "../parts/command_line.js";
import { Status } from "../parts/figures.js";
import { Empty, Loaded } from "../parts/states.js";

export function Page() {
  const endpoints = useLoaded(() => ask("GET", "/endpoints"), []);
  return html`
    <div class="stack">
      <div class="page-head"><h1>Endpoints</h1></div>
      <${CommandLine} command="tintype online-endpoint list -o table" />
      <${Loaded} of=${endpoints}>${({ endpoints: all, daemon }) => (all.length ? html`
        ${!daemon && html`<p class="error" role="status">The daemon does not run, so nothing is served: tintype up</p>`}
        ${all.map((endpoint) => html`<${Endpoint} key=${endpoint.name} endpoint=${endpoint} />`)}` : html`
        <${Empty} title="No endpoints yet">
          <p class="hint">An endpoint is an address with keys, behind which models answer.</p>
          <${CommandLine} command="tintype online-endpoint create --name photos" label="How to make one" />
        <//>`)}<//>
    </div>`;
}

function Endpoint({ endpoint }) {
  return html`
    <section class="panel">
      <div class="row spread"><h2>${endpoint.name}</h2><${Status} status=${endpoint.provisioning_state} /></div>
      <div class="scroll" tabindex="0" role="group" aria-label=${`Deployments of ${endpoint.name}`}><table class="plain">
        <thead><tr><th scope="col">Deployment</th><th scope="col">Traffic</th><th scope="col">State</th><th scope="col">Model</th></tr></thead>
        <tbody>${endpoint.deployments.map((deployment) => html`
          <tr key=${deployment.name}><th scope="row">${deployment.name}</th><td>${endpoint.traffic[deployment.name] ?? 0} %</td>
            <td><${Status} status=${deployment.provisioning_state} />${deployment.error && html`<p class="error">${deployment.error}</p>`}</td><td>${deployment.model}</td></tr>`)}
        </tbody>
      </table></div>
    </section>`;
}
