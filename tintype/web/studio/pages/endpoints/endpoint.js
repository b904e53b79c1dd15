// One online endpoint. Each tab is a module of its own, loaded when it is looked at.

import { ask } from "../../../shared/api.js";
import { Dialog } from "../../../shared/dialog.js";
import { html, useLoaded, useRef, useState } from "../../../shared/html.js";
import { useEvents } from "../../events.js";
import { CommandLine, quoted } from "../../parts/command_line.js";
import { Ago } from "../../parts/figures.js";
import { LoadedComponent } from "../../parts/modules.js";
import { Failure } from "../../parts/states.js";
import { complain, say } from "../../parts/toasts.js";
import { go } from "../../router.js";

const TABS = [
  { key: "deployments", title: "Deployments", load: () => import("./deployments.js") },
  { key: "playground", title: "Playground", load: () => import("./playground.js") },
  { key: "live", title: "Live", load: () => import("./live.js") },
  { key: "keys", title: "Keys", load: () => import("./keys.js") },
  { key: "logs", title: "Logs", load: () => import("./logs.js") },
];

const PARTS = ["record", "logs", "metrics"];

export function Page({ name, query }) {
  const path = `/endpoints/${encodeURIComponent(name)}`;
  const endpoint = useLoaded(() => ask("GET", path), [name]);
  const last = useRef(null);
  if (endpoint.value) last.current = endpoint.value;
  const [parts, setParts] = useState({});
  useEvents(`endpoint:${name}`, (changed) => {
    const all = changed ?? PARTS;
    setParts((before) => ({ ...before, ...Object.fromEntries(all.map((part) => [part, (before[part] ?? 0) + 1])) }));
    if (all.includes("record")) endpoint.reload();
  }, [name]);
  if (!last.current) return endpoint.error ? html`<${Failure} error=${endpoint.error} again=${endpoint.reload} />` : html`<p role="status" class="wait">Loading …</p>`;
  const known = last.current;
  const tab = TABS.find(({ key }) => key === query.get("tab")) ?? TABS[0];
  return html`
    <div class="stack">
      <${Head} endpoint=${known} path=${path} gone=${endpoint.error} />
      <nav class="tabs" aria-label="Parts of the endpoint">
        ${TABS.map(({ key, title }) => html`<a key=${key} href=${`${path}?tab=${key}`} aria-current=${key === tab.key ? "page" : undefined}>${title}</a>`)}
      </nav>
      <${LoadedComponent} key=${tab.key} load=${tab.load} exported="Tab" endpoint=${known} path=${path} parts=${parts} reload=${endpoint.reload} />
    </div>`;
}

function Head({ endpoint, path, gone }) {
  const [deleting, setDeleting] = useState(false);
  const remove = async () => {
    setDeleting(false);
    try {
      await ask("DELETE", path, undefined, { timeout: 120_000 });
      say(`${endpoint.name} is deleted.`);
      go("/endpoints");
    } catch (error) {
      complain(error);
    }
  };
  return html`
    <div class="page-head">
      <div class="stack tight"><h1>${endpoint.name}</h1>
        <p class="row facts-line"><code>${endpoint.scoring_uri}</code><span>changed <${Ago} at=${endpoint.modified_at} /></span></p>
      </div>
      <div class="row">
        <a class="button" href=${endpoint.playground_uri} target="_blank" rel="noopener">Its own page</a>
        <button type="button" onClick=${() => setDeleting(true)}>Delete</button>
      </div>
    </div>
    ${gone && html`<p class="error" role="status">${gone.message}</p>`}
    ${!endpoint.daemon && html`<p class="error" role="status">The daemon does not run, so nothing is served: tintype up</p>`}
    ${deleting && html`
      <${Dialog} title=${`Delete ${endpoint.name}?`} onClose=${() => setDeleting(false)}>
        <p>Its address, its keys and its ${endpoint.deployments.length} deployments end, after what they have under way. This cannot be undone; the models stay.</p>
        <div class="row end"><button type="button" onClick=${() => setDeleting(false)}>Keep it</button><button type="button" class="main" onClick=${remove}>Delete</button></div>
        <${CommandLine} command=${`tintype online-endpoint delete --name ${quoted(endpoint.name)} --yes`} />
      <//>`}`;
}
