// The reader's key: asked for, accepted, forgotten.

import { html, useLayoutEffect, useRef } from "../shared/html.js";

export function KeySection({ endpoint }) {
  const field = useRef(null);
  const { asking, asked, message, needsKey } = endpoint;
  useLayoutEffect(() => {
    if (!asked) return;
    field.current.focus();
    field.current.select();
  }, [asked]);
  useLayoutEffect(() => {
    // Accepted: no page needs to hold it in a field.
    if (!asking) field.current.value = "";
  }, [asking]);
  const submit = (event) => {
    event.preventDefault();
    const typed = field.current.value.trim();
    if (/^[\x21-\x7e]+$/.test(typed)) endpoint.connect(typed);
    else endpoint.ask("A key has only letters, digits and signs of ASCII, without spaces.");
  };
  return html`
    <section id="key-section" class="panel" aria-labelledby="key-heading" hidden=${!asking && !needsKey}>
      <h2 id="key-heading">Key</h2>
      <form id="key-form" hidden=${!asking} onSubmit=${submit}>
        <label for="key">Key of this endpoint</label>
        <input id="key" ref=${field} type="password" autocomplete="off" spellcheck=${false} required
          aria-invalid=${message ? "true" : undefined} aria-describedby="key-hint key-message" />
        <button type="submit" class="main">Use this key</button>
        <p id="key-hint" class="hint">It stays in this tab and goes only to this endpoint.</p>
        <p id="key-message" class="error" role="alert">${message}</p>
      </form>
      ${!asking && html`
        <div id="key-known"><p>The endpoint accepts your key.</p>
          <button type="button" id="forget" onClick=${() => endpoint.forget()}>Forget the key</button></div>`}
    </section>`;
}
