// The endpoint's keys: shown when they are asked for, and replaced one at a time.

import { ask } from "../../../shared/api.js";
import { html, useState } from "../../../shared/html.js";
import { CommandLine, quoted } from "../../parts/command_line.js";
import { complain, say } from "../../parts/toasts.js";

const KINDS = ["primary", "secondary"];

export function Tab({ endpoint, path }) {
  const [keys, setKeys] = useState(null);
  const name = quoted(endpoint.name);
  const act = async (work) => {
    try {
      await work();
    } catch (error) {
      complain(error);
    }
  };
  const show = () => act(async () => setKeys(await ask("POST", `${path}/keys`)));
  const replace = (key) => act(async () => {
    const found = await ask("POST", `${path}/keys/regenerate`, { key });
    // What was not looked at stays hidden.
    if (keys) setKeys(found);
    say(`The ${key} key is another one; the old one opens nothing any more.`);
  });
  const copy = (text) => act(async () => {
    await navigator.clipboard.writeText(text);
    say("Copied.");
  });
  return html`
    <section class="panel" aria-labelledby="keys">
      <div class="row spread"><h2 id="keys">Keys</h2>
        <button type="button" aria-pressed=${keys !== null} onClick=${() => (keys ? setKeys(null) : show())}>${keys ? "Hide" : "Show"}</button></div>
      <p class="hint">Callers send one of them as “Authorization: Bearer KEY”. There are two, so that callers can change over without a gap.</p>
      <dl class="keys">${KINDS.map((kind) => html`
        <div key=${kind}><dt>${kind}</dt><dd><code>${keys ? keys[kind] : "•".repeat(24)}</code></dd>
          <dd class="row"><button type="button" disabled=${!keys} onClick=${() => copy(keys[kind])}>Copy<span class="unseen"> the ${kind} key</span></button>
            <button type="button" onClick=${() => replace(kind)}>Regenerate<span class="unseen"> the ${kind} key</span></button></dd></div>`)}
      </dl>
      <${CommandLine} command=${[`tintype online-endpoint get-credentials --name ${name}`, `tintype online-endpoint regenerate-keys --name ${name} --key-type primary`]} />
    </section>`;
}
