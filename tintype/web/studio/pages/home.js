// What works now, what needs somebody, what was made last.

import { ask } from "../../shared/api.js";
import { counted, html, useLoaded } from "../../shared/html.js";
import { useEvents } from "../events.js";
import { CommandLine } from "../parts/command_line.js";
import { Ago, bytes, Duration, figure, Status } from "../parts/figures.js";
import { Loaded } from "../parts/states.js";
import { newJobPath, pathOf } from "./jobs/addresses.js";
import { labellerPath } from "./labelling/addresses.js";

export function Page() {
  const home = useLoaded(() => ask("GET", "/home"), []);
  const endpoints = useLoaded(() => ask("GET", "/endpoints"), []);
  const projects = useLoaded(() => ask("GET", "/labelling/projects"), []);
  useEvents("runs", home.reload);
  useEvents("endpoints", endpoints.reload);
  useEvents("labelling", projects.reload);
  return html`
    <div class="stack">
      <div class="page-head"><h1>Home</h1><a class="button main" href=${newJobPath()}>New job</a></div>
      <${Loaded} of=${home}>${(found) => html`
        <div class="columns">
          <${Now} runs=${found.active} />
          <${Needs} home=${found} endpoints=${endpoints.value} projects=${projects.value} />
          <${Models} runs=${found.models} all=${found.runs} />
        </div>
        <p class="hint">Workspace ${found.workspace}${found.disk && `, ${bytes(found.disk.free_bytes)} free of ${bytes(found.disk.total_bytes)}`}</p>`}<//>
    </div>`;
}

function Now({ runs }) {
  return html`
    <section class="panel" aria-labelledby="now">
      <h2 id="now">Works now</h2>
      ${runs.length ? html`
        <ul class="lines">${runs.map((run) => html`
          <li key=${run.name}><a class="name" href=${pathOf(run)}>${run.display_name}</a><span class="hint">${run.type}</span><${Duration} run=${run} /><${Status} status=${run.status} /></li>`)}
        </ul>` : html`<p class="hint">Nothing.</p>`}
      <${CommandLine} command="tintype job list -o table" />
    </section>`;
}

function Needs({ home, endpoints, projects }) {
  const lines = [];
  if (home.disk?.low) {
    lines.push(html`<li key="disk"><span class="name">Little room on the disk</span><span class="error">${bytes(home.disk.free_bytes)}</span></li>`);
  }
  for (const endpoint of endpoints?.endpoints ?? []) {
    const failed = endpoint.deployments.filter((one) => one.provisioning_state === "Failed" || one.error);
    for (const one of failed) {
      lines.push(html`<li key=${`${endpoint.name}/${one.name}`}><a class="name" href=${`/endpoints/${encodeURIComponent(endpoint.name)}`} title=${one.error ?? ""}>${endpoint.name}, deployment ${one.name}</a><${Status} status="Failed" /></li>`);
    }
  }
  if (endpoints?.endpoints.length && !endpoints.daemon) {
    lines.push(html`<li key="daemon"><a class="name" href="/endpoints">The daemon does not run: no endpoint answers</a></li>`);
  }
  for (const { name, state, pictures, role } of projects ?? []) {
    if (state === "running" && pictures.needs_review && role && role !== "labeller") {
      lines.push(html`<li key=${`project ${name}`}><a class="name" href=${labellerPath(name, "review")}>${name}: ${counted(pictures.needs_review)} to review</a></li>`);
    }
  }
  for (const run of home.failed) {
    lines.push(html`<li key=${run.name}><a class="name" href=${pathOf(run)} title=${run.error ?? ""}>${run.display_name}</a><span class="hint"><${Ago} at=${run.ended_at ?? run.created_at} /></span><${Status} status=${run.status} /></li>`);
  }
  const more = home.failed_count - home.failed.length;
  return html`
    <section class="panel" aria-labelledby="needs">
      <h2 id="needs">Needs you</h2>
      ${lines.length ? html`<ul class="lines">${lines}</ul>` : html`<p class="hint">Nothing.</p>`}
      ${more > 0 && html`<a href="/jobs?status=Failed">${more} more that failed this week</a>`}
    </section>`;
}

function Models({ runs, all }) {
  return html`
    <section class="panel" aria-labelledby="models">
      <h2 id="models">Models made last</h2>
      ${runs.length ? html`
        <ul class="lines">${runs.map((run) => html`
          <li key=${run.name}><a class="name" href=${pathOf(run)}>${run.registered_model}</a>${run.score && html`<span class="figure" title=${run.score.name}>${figure(run.score.value)}</span>`}<span class="hint"><${Ago} at=${run.ended_at} /></span></li>`)}
        </ul>` : html`<p class="hint">${all ? "No job has registered a model yet." : "A job trains a model, and registers it."}</p>`}
    </section>`;
}
