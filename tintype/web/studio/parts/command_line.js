// The same in the command line: what to type for what a page shows or does.

import { html, useState } from "../../shared/html.js";

/** A word as a shell takes it. */
export const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${String(word).replaceAll("'", "'\\''")}'`);

/** `command` is a line, or several. */
export function CommandLine({ command, label = "The same in the command line" }) {
  const [copied, setCopied] = useState(false);
  const lines = Array.isArray(command) ? command : [command];
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(lines.join("\n"));
      setCopied(true);
      setTimeout(() => setCopied(false), 2000);
    } catch { /* Without the right to: the text can be marked. */ }
  };
  return html`
    <div class="command-line" role="group" aria-label=${label}>
      <pre tabindex="0">${lines.map((line) => html`<code key=${line}>${line}</code>`)}</pre>
      <button type="button" class="quiet" onClick=${copy}>${copied ? "Copied" : "Copy"}</button>
    </div>`;
}
