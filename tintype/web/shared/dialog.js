// A modal dialog: the browser keeps the focus in it, and gives it back when it closes.

import { html, useLayoutEffect, useRef } from "./html.js";

/** `onClose` is called when Escape or a button closes it. */
export function Dialog({ title, onClose, children, wide = false }) {
  const node = useRef(null);
  useLayoutEffect(() => {
    const { current } = node;
    current.showModal();
    // Closed before it is taken away, or the focus would not go back.
    return () => current.close();
  }, []);
  const close = (event) => {
    event.preventDefault();
    onClose();
  };
  return html`
    <dialog ref=${node} class=${wide ? "wide" : ""} aria-labelledby="dialog-title" onCancel=${close}>
      <header>
        <h2 id="dialog-title">${title}</h2>
        <button type="button" class="quiet" aria-label="Close" onClick=${close}>×</button>
      </header>
      ${children}
    </dialog>`;
}

/** Asks for a text; `suggestions` are offered as buttons. */
export function TextDialog({ title, label, suggestions = [], required = false, done, onClose }) {
  const field = useRef(null);
  useLayoutEffect(() => field.current.focus(), []);
  const submit = (event) => {
    event.preventDefault();
    const text = field.current.value.trim();
    if (text || !required) done(text);
  };
  return html`
    <${Dialog} title=${title} onClose=${onClose}>
      <form onSubmit=${submit}>
        <label for="dialog-text">${label}</label>
        <textarea id="dialog-text" ref=${field} rows="3" maxlength="10000" required=${required}
          onKeyDown=${(event) => event.key === "Enter" && !event.shiftKey && submit(event)}></textarea>
        ${suggestions.length > 0 && html`
          <div class="row">${suggestions.map((text) => html`<button type="button" key=${text} onClick=${() => done(text)}>${text}</button>`)}</div>`}
        <div class="row end">
          <button type="button" onClick=${onClose}>Cancel</button>
          <button type="submit" class="main">Save</button>
        </div>
      </form>
    <//>`;
}
