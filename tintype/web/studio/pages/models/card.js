// One checkpoint of the catalog.

import { ask, withQuery } from "../../../shared/api.js";
import { html, useLoaded, useState } from "../../../shared/html.js";
import { CommandLine, quoted } from "../../parts/command_line.js";
import { Loaded } from "../../parts/states.js";
import { complain } from "../../parts/toasts.js";
import { go } from "../../router.js";
import { CardFacts } from "./card_facts.js";
import { DeployDialog } from "./deploy.js";
import { pathOfModel } from "./names.js";

export function Page({ name }) {
  const card = useLoaded(() => ask("GET", withQuery("/models/card", { name })), [name]);
  return html`<${Loaded} of=${card}>${(found) => html`<${Card} ...${found} />`}<//>`;
}

function Card({ card, here, imported_as: imported }) {
  const [deploying, setDeploying] = useState(false);
  const bring = async () => {
    try {
      const run = await ask("POST", "/models/import", { source: card.name });
      go(`/jobs/${encodeURIComponent(run.name)}`);
    } catch (error) {
      complain(error);
    }
  };
  return html`
    <div class="stack">
      <div class="page-head"><h1>${card.name}</h1>
        <div class="row">
          <button type="button" class="main" onClick=${() => setDeploying(true)}>Deploy</button>
          <button type="button" onClick=${bring}>Import</button>
          <a class="button" href=${withQuery("/compare-models", { model: card.name })}>Compare</a>
        </div>
      </div>
      <p class=${here || imported ? "status wrapping good" : "status wrapping waits"}><span class="dot" aria-hidden="true"></span>${
        imported ? html`<span>imported as <a href=${pathOfModel(imported)}>${imported}</a></span>` : here ? "its weights are on this machine" : "its weights are fetched from the Hub when they are first used"}</p>
      <${CardFacts} card=${card} />
      <section class="panel" aria-labelledby="samples"><h2 id="samples">A request, and its answer</h2>
        <div class="columns">
          <pre class="log sample" tabindex="0" role="group" aria-label="Request">${JSON.stringify(card.sample_request, null, 2)}</pre>
          <pre class="log sample" tabindex="0" role="group" aria-label="Answer">${JSON.stringify(card.sample_answer, null, 2)}</pre>
        </div>
      </section>
      <${CommandLine} command=${[`tintype model show ${quoted(card.name)}`, `tintype model import ${quoted(card.name)}`]} />
      ${deploying && html`<${DeployDialog} model=${card.name} title=${card.name} onClose=${() => setDeploying(false)} />`}
    </div>`;
}
