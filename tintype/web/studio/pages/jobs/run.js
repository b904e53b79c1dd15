// One run: how it stands, and what there is of it. Each tab is a module of its own, loaded when it is looked at.

import { ask } from "../../../shared/api.js";
import { Dialog } from "../../../shared/dialog.js";
import { html, useLoaded, useRef, useState } from "../../../shared/html.js";
import { useEvents } from "../../events.js";
import { CommandLine, quoted } from "../../parts/command_line.js";
import { Ago, Duration, figure, Status } from "../../parts/figures.js";
import { LoadedComponent } from "../../parts/modules.js";
import { Failure } from "../../parts/states.js";
import { complain, say } from "../../parts/toasts.js";
import { newJobPath } from "./addresses.js";

const TABS = [
  { key: "overview", title: "Overview", load: () => import("./overview.js") },
  { key: "trials", title: "Trials", load: () => import("./trials.js"), needs: "trials" },
  { key: "graph", title: "Graph", load: () => import("./graph.js"), needs: "graph" },
  { key: "metrics", title: "Metrics", load: () => import("./metrics.js"), needs: "metrics" },
  { key: "log", title: "Log", load: () => import("./log.js"), needs: "log" },
  { key: "files", title: "Files", load: () => import("./files.js"), needs: "files" },
  { key: "document", title: "Document", load: () => import("./document.js") },
];

// What a run can be asked, and what that is called.
const ACTS = {
  cancel: { title: "Cancel", done: "Canceled", verb: "cancel", question: "Work under way ends within seconds. What the last checkpoint holds is kept, so the run can be resumed." },
  resume: { title: "Resume", done: "Resumed", verb: "resume" },
  archive: { title: "Archive", done: "Archived: hidden from lists", verb: "archive" },
  restore: { title: "Restore", done: "Restored", verb: "restore" },
};

export function Page({ name, query }) {
  const path = `/jobs/${encodeURIComponent(name)}`;
  const run = useLoaded(() => ask("GET", path), [name]);
  const last = useRef(null);
  if (run.value) last.current = run.value;
  const parts = useParts(name, (changed) => {
    // A part that was not there before has a tab from now on.
    const told = changed.some((part) => ["record", "children"].includes(part) || !last.current?.parts.includes(part));
    if (told) run.reload();
  });

  if (run.error && !last.current) return html`<${Failure} error=${run.error} again=${run.reload} />`;
  if (!last.current) return html`<p role="status" class="wait">Loading …</p>`;
  // What was known of a run stays in sight when its folder is gone.
  const known = last.current;
  const tabs = TABS.filter(({ needs }) => !needs || known.parts.includes(needs));
  const tab = tabs.find(({ key }) => key === query.get("tab")) ?? tabs[0];
  return html`
    <div class="stack">
      <${Head} run=${known} gone=${run.error} reload=${run.reload} />
      <nav class="tabs" aria-label="Parts of the run">
        ${tabs.map(({ key, title }) => html`<a key=${key} href=${`${path}?tab=${key}`} aria-current=${key === tab.key ? "page" : undefined}>${title}</a>`)}
      </nav>
      <${LoadedComponent} key=${tab.key} load=${tab.load} exported="Tab" run=${known} parts=${parts} query=${query} />
    </div>`;
}

/** Counts up for each part of the run, whenever that is another one. */
function useParts(name, told) {
  const [counts, setCounts] = useState({});
  useEvents(`run:${name}`, (changed) => {
    const all = changed ?? ["record", "log", "trials", "graph", "metrics", "children"];
    setCounts((before) => ({ ...before, ...Object.fromEntries(all.map((part) => [part, (before[part] ?? 0) + 1])) }));
    told(all);
  }, [name]);
  return counts;
}

function Head({ run, gone, reload }) {
  const [asking, setAsking] = useState(null);
  const act = async (what) => {
    setAsking(null);
    try {
      await ask("POST", `/jobs/${encodeURIComponent(run.name)}/${what}`, undefined, { timeout: 60_000 });
      say(`${ACTS[what].done}.`);
    } catch (error) {
      complain(error);
    }
    reload();
  };
  return html`
    <header class="stack">
      ${run.parents.length > 0 && html`
        <nav aria-label="What the run is a part of" class="row hint">${run.parents.map((parent) => html`
          <span key=${parent}><a href=${`/jobs/${encodeURIComponent(parent)}`}>${parent}</a> ›</span>`)}</nav>`}
      <div class="page-head">
        <div class="stack tight">
          <h1>${run.display_name}</h1>
          <p class="row facts-line">
            <${Status} status=${run.status} />
            <span>${run.type}</span>
            <span>${run.experiment_name}</span>
            ${run.score && html`<span>${run.score.name} <strong>${figure(run.score.value)}</strong></span>`}
            ${run.started_at && html`<span>took <${Duration} run=${run} /></span>`}
            <${Ago} at=${run.created_at} />
          </p>
        </div>
        ${!gone && html`
          <div class="row">
            ${run.can.map((what) => html`<button key=${what} type="button" class=${what === "resume" ? "main" : ""} onClick=${() => (ACTS[what].question ? setAsking(what) : act(what))}>${ACTS[what].title}</button>`)}
            ${!run.parents.length && html`<a class="button" href=${newJobPath({ from: run.name })}>New job from it</a>`}
          </div>`}
      </div>
      ${gone && html`<p class="error" role="alert">${gone.message} What is shown was read before.</p>`}
      ${run.error && html`<p class="error panel" role="alert">${run.error}</p>`}
      <${CommandLine} command=${[
        `tintype job show --name ${quoted(run.name)}`,
        ...run.can.filter((what) => what === "cancel" || what === "resume").map((what) => `tintype job ${ACTS[what].verb} --name ${quoted(run.name)}`),
      ]} />
      ${asking && html`
        <${Dialog} title=${`${ACTS[asking].title} ${run.display_name}?`} onClose=${() => setAsking(null)}>
          <div class="stack"><p>${ACTS[asking].question}</p>
          <div class="row end"><button type="button" onClick=${() => setAsking(null)}>No</button><button type="button" class="main" onClick=${() => act(asking)}>${ACTS[asking].title}</button></div></div>
        <//>`}
    </header>`;
}
