// Why a model predicted what it did: a button, and a dialog with what the studio's server explains.

import { Explanation } from "../../playground/explanation.js";
import { ExplainedPicture, ExplanationPanel } from "../../playground/explanation_view.js";
import { StatusLine } from "../../playground/said.js";
import { ask } from "../../shared/api.js";
import { Dialog } from "../../shared/dialog.js";
import { html, useEffect, useMemo, useState } from "../../shared/html.js";
import { answerOf } from "./refused.js";

// Longer than the server takes.
const ANSWER_MS = 150_000;

/** `name` of the picture, `of`: what is explained; `offered` and `explain` are paths of the server's routes. */
export function Why({ name, of, offered, explain }) {
  const [open, setOpen] = useState(false);
  return html`
    <button type="button" class="why-button" aria-haspopup="dialog" aria-label=${`Why: ${of} of ${name}`} onClick=${() => setOpen(true)}>Why?</button>
    ${open && html`<${WhyDialog} name=${name} of=${of} offered=${offered} explain=${explain} onClose=${() => setOpen(false)} />`}`;
}

function WhyDialog({ name, of, offered, explain, onClose }) {
  const explanation = useMemo(() => new Explanation(name, {
    offered: (signal) => answerOf(ask("GET", offered, undefined, { signal, timeout: ANSWER_MS }), signal),
    explain: (method, signal) => answerOf(ask("POST", explain, { method }, { signal, timeout: ANSWER_MS }), signal),
  }), [offered, explain]);
  useEffect(() => {
    explanation.toggle();
    return () => explanation.forget();
  }, [explanation]);
  return html`
    <${Dialog} title=${`Why: ${of} of ${name}`} onClose=${onClose}>
      <div class="stack why-dialog">
        <${ExplainedPicture} explanation=${explanation}><div class="no-picture" /><//>
        <${ExplanationPanel} explanation=${explanation} id="explanation" />
        <${StatusLine} />
      </div>
    <//>`;
}
