// What a deployment's instances write.

import { ask, withQuery } from "../../../shared/api.js";
import { html, useLayoutEffect, useLoaded, useRef, useState } from "../../../shared/html.js";
import { CommandLine, quoted } from "../../parts/command_line.js";
import { Empty, Loaded } from "../../parts/states.js";

const LINES = 1000;

export function Tab({ endpoint, path, parts }) {
  const names = endpoint.deployments.map(({ name }) => name);
  const [chosen, setChosen] = useState(names[0]);
  if (!names.length) return html`<${Empty} title="No deployment yet" />`;
  const name = names.includes(chosen) ? chosen : names[0];
  return html`
    <div class="stack">
      <label class="row">Deployment <select class="narrow-field" value=${name} onChange=${(event) => setChosen(event.target.value)}>${names.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}</select></label>
      <${Log} key=${name} path=${`${path}/deployments/${encodeURIComponent(name)}/log`} told=${parts.logs} />
      <${CommandLine} command=${`tintype online-deployment get-logs --name ${quoted(name)} --endpoint-name ${quoted(endpoint.name)} --lines ${LINES}`} />
    </div>`;
}

function Log({ path, told }) {
  const log = useLoaded(() => ask("GET", withQuery(path, { lines: LINES })), [path, told]);
  const pane = useRef(null);
  useLayoutEffect(() => {
    if (pane.current) pane.current.scrollTop = pane.current.scrollHeight;
  }, [log.value?.text]);
  return html`<${Loaded} of=${log}>${({ text }) => html`<pre class="log" ref=${pane} tabindex="0" role="log" aria-label="Log" aria-live="off">${text || "Nothing was written yet."}</pre>`}<//>`;
}
