// One picture with all that was done about it, comments among it.

import { ask, projectPath } from "./api.js";
import { Dialog } from "../shared/dialog.js";
import { html, percent, useLoaded } from "../shared/html.js";
import { answerOf } from "./labels.js";
import { thumbnailUrl } from "./pictures_ahead.js";

const moment = (text) => new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

export function PictureDialog({ project, id, onClose, children = null }) {
  const { value, error } = useLoaded((signal) => ask("GET", projectPath(project.name, `/pictures/${id}`), undefined, { signal }), [id]);
  return html`
    <${Dialog} title=${value?.name ?? "Picture"} onClose=${onClose} wide>
      ${error && html`<p class="error" role="alert">${error.message}</p>`}
      <div class="picture-dialog">
        <img src=${thumbnailUrl(project.name, id, 512)} alt=${value?.name ?? "Picture"} />
        ${value && html`
          <div>
            <${Facts} picture=${value} />
            ${children}
            ${value.answers?.length > 0 && html`
              <h3>Answers</h3>
              <dl class="facts">${value.answers.map((given) => html`<div key=${given.person}><dt>${given.person}</dt><dd>${answerOf(given)}</dd></div>`)}</dl>`}
            <h3>History</h3>
            ${value.history.length === 0 && html`<p class="hint">Nothing was done about it yet.</p>`}
            <ol class="history" tabindex="0" aria-label="History">
              ${value.history.map((one) => html`
                <li key=${one.action}>
                  <p><strong>${one.person}</strong> ${said(one)}</p>
                  ${one.text && html`<blockquote>${one.text}</blockquote>`}
                  <p class="hint"><time datetime=${one.at}>${moment(one.at)}</time>${one.how === "chosen" || one.kind === "comment" ? "" : ` · ${one.how}`}</p>
                </li>`)}
            </ol>
          </div>`}
      </div>
    <//>`;
}

const said = ({ kind, labels }) => (kind === "label" || kind === "change" ? `${kind === "label" ? "labelled" : "changed to"} ${labels.join(", ") || "none"}` : kind.replace("_", " "));

function Facts({ picture }) {
  const suggestion = picture.suggestion;
  const facts = [
    ["State", picture.state.replace("_", " ")],
    ["Labels", picture.labels.join(", ")],
    ["By", picture.person && `${picture.person}, ${picture.how}`],
    ["Suggestion", suggestion && `${suggestion.labels.join(", ") || "none"}${suggestion.confidence === null ? "" : `, ${percent(suggestion.confidence)}`}`],
    ["Flagged", picture.flagged ? "yes" : ""],
    ["File", picture.fault],
  ].filter(([, value]) => value);
  return html`<dl class="facts">${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}
