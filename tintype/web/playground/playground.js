// Pictures, what the model says of them, and the request as code: the same on the endpoint's own page and in the studio.

import { html, useCallback, useObservable, useRef, useState } from "../shared/html.js";
import { DropZone } from "./drop_zone.js";
import { PictureCard } from "./picture_card.js";
import { RequestCode } from "./request_code.js";
import { counted, ZERO_SHOT } from "./tasks.js";

/** `pictures` are open, or will be; until then it is `hidden`. `endpoint`: `{address, needsKey}`; `offered`: see `offeredBy`. */
export function Playground({ pictures, endpoint, offered, hidden }) {
  useObservable(pictures);
  const { all, task } = pictures;
  const explains = Boolean(offered && !offered.unavailable);
  const [chosen, setChosen] = useState("");
  const copy = useRef(null);
  const add = useCallback((files) => pictures.add(files), [pictures]);
  const remove = (picture) => {
    const place = all.indexOf(picture);
    const next = all[place + 1] ?? all[place - 1];
    document.getElementById(next ? `remove-${next.id}` : "drop").focus();
    pictures.remove(picture);
  };
  const clear = () => {
    document.getElementById("drop").focus();
    pictures.clear();
  };
  const choose = (picture) => {
    setChosen(picture.id);
    copy.current.focus();
  };
  return html`
    <div id="work" class="playground" hidden=${hidden}>
      <section id="pictures" aria-labelledby="pictures-heading">
        <h2 id="pictures-heading">Pictures</h2>
        ${task === ZERO_SHOT && html`<${LabelsField} pictures=${pictures} />`}
        <${DropZone} add=${add}>${(pick) => all.length > 0 && html`
          <div id="toolbar">
            <p id="count">${counted(all.length)}</p>
            <button type="button" id="add" onClick=${pick}>Add pictures</button>
            <button type="button" id="clear" onClick=${clear}>Clear all</button>
            ${offered && html`<p id="explains" class="hint">${offered.unavailable ? `No explanations: ${offered.unavailable}.` : html`Why does the model say so? Press <kbd>w</kbd> on a card.`}</p>`}
          </div>`}<//>
        <ul id="cards" role="list" aria-labelledby="pictures-heading">${all.map((picture) => html`
          <li key=${picture.id} class="card"><${PictureCard} picture=${picture} task=${task} explains=${explains} onRetry=${() => pictures.score(picture)} onCode=${() => choose(picture)} onRemove=${() => remove(picture)} /></li>`)}</ul>
      </section>
      <${RequestCode} pictures=${pictures} endpoint=${endpoint} chosen=${chosen} onChoose=${setChosen} copy=${copy} />
    </div>`;
}

function LabelsField({ pictures }) {
  return html`
    <div id="labels-field">
      <label for="labels">Labels</label>
      <textarea id="labels" rows="2" spellcheck=${false} aria-describedby="labels-hint" value=${pictures.typed} onInput=${(event) => pictures.type(event.target.value)}></textarea>
      <p id="labels-hint" class="hint">Separated by commas. Every picture is scored anew as you type.</p>
    </div>`;
}
