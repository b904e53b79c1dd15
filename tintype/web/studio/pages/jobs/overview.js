// What a run is: its metrics, what it was asked for, what it gave.

import { ask } from "../../../shared/api.js";
import { html, useLoaded } from "../../../shared/html.js";
import { CommandLine, quoted } from "../../parts/command_line.js";
import { breakable, figure, Status } from "../../parts/figures.js";
import { contentOf } from "./addresses.js";
import { tablePath } from "../data/addresses.js";
import { pathOfReference } from "../models/names.js";

export function Tab({ run, parts }) {
  const children = useLoaded(
    () => (run.parts.includes("children") && !run.parts.includes("trials") ? ask("GET", `/jobs?parent=${encodeURIComponent(run.name)}&limit=100`) : Promise.resolve(null)),
    [run.name, parts.children],
  );
  const tables = useLoaded(() => ask("GET", `/data/runs/${encodeURIComponent(run.name)}`), [run.name, run.status]);
  const metrics = Object.entries(run.metrics);
  return html`
    <div class="columns">
      ${metrics.length > 0 && html`
        <section class="panel" aria-labelledby="metrics"><h2 id="metrics">Metrics of the finished model</h2>
          <dl class="facts">${metrics.map(([name, value]) => html`<div key=${name}><dt>${breakable(name)}</dt><dd class="figure">${figure(value)}</dd></div>`)}</dl>
        </section>`}
      <section class="panel" aria-labelledby="asked"><h2 id="asked">Parameters</h2><${Facts} of=${flat(run.document)} /></section>
      <section class="panel" aria-labelledby="about"><h2 id="about">Run</h2>
        <dl class="facts">
          <div><dt>name</dt><dd>${run.name}</dd></div>
          ${run.description && html`<div><dt>description</dt><dd>${run.description}</dd></div>`}
          ${run.registered_model && html`<div><dt>model</dt><dd><a href=${pathOfReference(run.registered_model)}>${run.registered_model}</a></dd></div>`}
          ${run.best_child && html`<div><dt>best trial</dt><dd><a href=${`/jobs/${encodeURIComponent(run.best_child)}`}>${run.best_child}</a></dd></div>`}
          ${run.reports.map((path) => html`<div key=${path}><dt>report</dt><dd><a href=${contentOf(run.name, path)} target="_blank" rel="noopener">${path.split("/").slice(1).join("/")}</a></dd></div>`)}
          <div><dt>made</dt><dd>${new Date(run.created_at).toLocaleString()}</dd></div>
          ${run.started_at && html`<div><dt>began</dt><dd>${new Date(run.started_at).toLocaleString()}</dd></div>`}
          ${run.ended_at && html`<div><dt>ended</dt><dd>${new Date(run.ended_at).toLocaleString()}</dd></div>`}
          ${Object.entries(run.tags).map(([key, value]) => html`<div key=${key}><dt>tag ${key}</dt><dd>${value}</dd></div>`)}
        </dl>
        ${run.parts.includes("files") && html`<${CommandLine} command=${`tintype job download --name ${quoted(run.name)}`} label="How to download its outputs" />`}
      </section>
      ${tables.value?.tables.length > 0 && html`
        <section class="panel" aria-labelledby="tables"><h2 id="tables">Tables of pictures</h2>
          <ul class="lines">${tables.value.tables.map((of) => html`<li key=${of}><a class="name" href=${tablePath({ of })}>${of.split(":").at(-1).replaceAll("_", " ")}</a></li>`)}</ul>
        </section>`}
      ${children.value?.runs.length > 0 && html`
        <section class="panel" aria-labelledby="children"><h2 id="children">Parts</h2>
          <ul class="lines">${children.value.runs.map((child) => html`
            <li key=${child.name}><a class="name" href=${`/jobs/${encodeURIComponent(child.name)}`}>${child.display_name}</a><span class="hint">${child.type}</span><${Status} status=${child.status} /></li>`)}</ul>
          ${children.value.total > children.value.runs.length && html`<p class="hint">${children.value.total - children.value.runs.length} more.</p>`}
        </section>`}
    </div>`;
}

function Facts({ of }) {
  if (!of.length) return html`<p class="hint">The job's document is missing from the run's folder.</p>`;
  return html`<dl class="facts">${of.map(([key, value]) => html`<div key=${key}><dt>${breakable(key)}</dt><dd>${figure(value)}</dd></div>`)}</dl>`;
}

/** A document as pairs of dotted keys and plain values. */
export function flat(value, key = "") {
  if (Array.isArray(value) && value.every((item) => typeof item !== "object" || item === null)) return [[key, value.join(", ")]];
  if (value !== null && typeof value === "object") {
    return Object.entries(value).flatMap(([name, inner]) => flat(inner, key ? `${key}.${name}` : name));
  }
  return [[key, typeof value === "boolean" ? String(value) : value ?? "none"]];
}
