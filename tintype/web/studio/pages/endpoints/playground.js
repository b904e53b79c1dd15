// The playground in the studio: pictures go through the studio's server, which has the endpoint's key.

import { ask, Refusal as Refused, withQuery } from "../../../shared/api.js";
import { html, useEffect, useLoaded, useMemo } from "../../../shared/html.js";
import { Refusal } from "../../../playground/exchange.js";
import { Pictures } from "../../../playground/pictures.js";
import { Playground } from "../../../playground/playground.js";
import { StatusLine } from "../../../playground/said.js";
import { exampleLabels, offeredBy, taskOf, TASKS } from "../../../playground/tasks.js";
import { CommandLine, quoted } from "../../parts/command_line.js";
import { answerOf } from "../../parts/refused.js";
import { Failure } from "../../parts/states.js";

// As long as an endpoint may take.
const ANSWER_MS = 300_000;

export function Tab({ endpoint, path, parts }) {
  const described = useLoaded(() => ask("GET", `${path}/description`), [path, parts.record]);
  const asked = useMemo(() => connectionOf(endpoint, path), [path, endpoint.scoring_uri]);
  const pictures = useMemo(() => new Pictures(asked), [asked]);
  const task = taskOf(described.value);
  useEffect(() => {
    if (task) pictures.open(task, exampleLabels(described.value));
  }, [pictures, task, described.value]);
  useEffect(() => () => pictures.clear(), [pictures]);
  return html`
    <div class="stack">
      ${described.error && html`<${Failure} error=${described.error} again=${described.reload} />`}
      ${described.loading && !pictures.task && html`<p role="status" class="wait">Loading …</p>`}
      ${described.value && !task && html`<p class="error" role="status">The endpoint names no task that the playground knows.</p>`}
      ${task && html`<p class="hint">${TASKS[task][0]}. ${TASKS[task][1]}</p>`}
      <${Playground} pictures=${pictures} endpoint=${asked} offered=${offeredBy(described.value)} hidden=${!task && !pictures.task} />
      <${StatusLine} />
      <${CommandLine} command=${`tintype online-endpoint invoke --name ${quoted(endpoint.name)} --request-file request.json`} />
    </div>`;
}

/** See `Pictures`: the endpoint by way of the studio. */
function connectionOf(endpoint, path) {
  return {
    address: endpoint.scoring_uri.replace(/score$/, ""),
    needsKey: true,
    async score(body, signal, wanted = null) {
      const started = performance.now();
      try {
        const { answer, deployment, milliseconds } = await ask("POST", withQuery(`${path}/try`, { deployment: wanted }), JSON.parse(body), { signal, timeout: ANSWER_MS });
        return { answer, error: null, status: 200, deployment, milliseconds };
      } catch (error) {
        if (!(error instanceof Refused)) throw signal.aborted ? error : new Refusal(error.message);
        return { answer: null, error: error.message, status: error.status, deployment: null, milliseconds: performance.now() - started };
      }
    },
    async offered(deployment, signal) {
      const description = await answerOf(ask("GET", withQuery(`${path}/description`, { deployment }), undefined, { signal }), signal);
      return offeredBy(description) ?? { methods: [], unavailable: "The deployment that answered does not explain" };
    },
  };
}
