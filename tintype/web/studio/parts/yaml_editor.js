// A text with numbered lines, and what is wrong in which.

import { html, useRef } from "../../shared/html.js";

const LEAST_ROWS = 14;

/** problems: `{line, field, message}`; onInput(text). */
export function YamlEditor({ value, problems, onInput }) {
  const area = useRef(null);
  const numbers = useRef(null);
  const lines = value.split("\n");
  const wrong = new Set(problems.map(({ line }) => line));
  const show = (line) => {
    const { current } = area;
    const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
    current.focus();
    current.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  };
  return html`
    <div class="editor">
      <ol ref=${numbers} aria-hidden="true">${lines.map((_, index) => html`<li key=${index} class=${wrong.has(index + 1) ? "wrong" : ""}>${index + 1}</li>`)}</ol>
      <textarea ref=${area} value=${value} rows=${Math.max(LEAST_ROWS, lines.length)} spellcheck=${false} autocapitalize="off" aria-label="Job document, YAML"
        aria-invalid=${problems.length > 0} aria-describedby="yaml-problems" onInput=${(event) => onInput(event.target.value)}
        onScroll=${(event) => { numbers.current.scrollTop = event.target.scrollTop; }}></textarea>
    </div>
    <div id="yaml-problems" role="status"><ul class="problems">
      ${problems.map(({ line, field, message }, index) => html`
        <li key=${index} class="error">${line
          ? html`<button type="button" class="quiet" onClick=${() => show(line)}>line ${line}${field ? `, ${field}` : ""}: ${message}</button>`
          : `${field ? `${field}: ` : ""}${message}`}</li>`)}
    </ul></div>`;
}
