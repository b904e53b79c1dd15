// The request about a picture as code, to be copied.

import { html, useObservable, useRef, useState } from "../shared/html.js";
import { curlText, pythonText } from "./code.js";
import { say } from "./said.js";

const LANGUAGES = { curl: curlText, Python: pythonText };

/** `chosen` is the id of a picture in `pictures.all`, with onChoose(id); `copy` is a ref of the button. */
export function RequestCode({ pictures, endpoint, chosen, onChoose, copy }) {
  const [language, setLanguage] = useState("curl");
  const code = useRef(null);
  const { all } = pictures;
  const picture = all.find(({ id }) => id === chosen) ?? all[0];
  useObservable(...(picture ? [picture.explanation] : []));
  const { address, needsKey } = endpoint;
  const method = picture?.explanation.open ? picture.explanation.method : "";
  const text = LANGUAGES[language]({ address, needsKey, name: picture?.file.name ?? "picture.jpg", labels: pictures.labels, method });
  const copied = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say(`Copied as ${language}.`);
    } catch {
      // Without HTTPS or leave there is no clipboard; the reader's own keys still reach it.
      getSelection().selectAllChildren(code.current);
      say("The code is selected: press Ctrl+C (⌘C on a Mac) to copy it.");
    }
  };
  return html`
    <section id="request" class="panel" aria-labelledby="request-heading">
      <h2 id="request-heading">The request as code</h2>
      <label for="chosen">Picture</label>
      <select id="chosen" value=${picture?.id ?? ""} onChange=${(event) => onChoose(event.target.value)}>
        ${all.length ? all.map(({ id, file }) => html`<option key=${id} value=${id} selected=${id === picture.id}>${file.name}</option>`) : html`<option value="">picture.jpg (an example)</option>`}
      </select>
      <fieldset>
        <legend>Language</legend>
        ${Object.keys(LANGUAGES).map((name) => html`<label key=${name}><input type="radio" name="language" value=${name} checked=${name === language} onChange=${() => setLanguage(name)} />${` ${name}`}</label>`)}
      </fieldset>
      <pre id="code-box" tabindex="0" role="group" aria-label="Code of the request"><code id="code" ref=${code}>${text}</code></pre>
      <button type="button" id="copy" ref=${copy} class="main" onClick=${copied}>Copy</button>
      <p class="hint">Run it in the folder of the picture${needsKey && html`, with the key in the environment variable <code>TINTYPE_KEY</code>`}.</p>
    </section>`;
}
