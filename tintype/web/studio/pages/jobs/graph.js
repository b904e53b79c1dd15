// A pipeline's graph: a box a step in the colour of its state, a line for what it needs. Boxes lead to their runs.

import { StepGraph } from "../../../components/step_graph.js";
import { ask } from "../../../shared/api.js";
import { html, useLoaded } from "../../../shared/html.js";
import { clock, Status } from "../../parts/figures.js";
import { Loaded } from "../../parts/states.js";

const runOf = (step) => `/jobs/${encodeURIComponent(step.reused_from ?? step.run)}`;

export function Tab({ run, parts }) {
  const graph = useLoaded(() => ask("GET", `/jobs/${encodeURIComponent(run.name)}/graph`), [run.name, parts.graph]);
  return html`<${Loaded} of=${graph}>${({ steps }) => html`
    <div class="stack"><div class="panel"><${StepGraph} steps=${steps} href=${runOf} /></div><${Steps} steps=${steps} /></div>`}<//>`;
}

function Steps({ steps }) {
  const seconds = ({ started, ended }) => (started === null ? null : (ended ?? Date.now() / 1000) - started);
  return html`
    <div class="panel scroll" tabindex="0" role="group" aria-label="Steps"><table class="plain">
      <thead><tr><th scope="col">Step</th><th scope="col">What it is</th><th scope="col">State</th><th scope="col">Time</th><th scope="col">Run</th></tr></thead>
      <tbody>${steps.map((step) => html`
        <tr key=${step.name}><th scope="row">${step.name}</th><td>${step.kind}</td>
          <td><${Status} status=${step.status} />${step.error && html`<p class="error">${step.error}</p>`}</td><td>${clock(seconds(step))}</td>
          <td><a href=${runOf(step)}>${step.reused_from ? `reused: ${step.reused_from}` : step.run}</a></td></tr>`)}
      </tbody>
    </table></div>`;
}
