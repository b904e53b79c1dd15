// The numbers that a chart shows, in a table that is made when it is opened.

import { DataTable } from "./data_table.js";
import { html, useState } from "./html.js";
import { figure } from "./numbers.js";

/** columns: their titles; rows(): arrays of values. */
export function Numbers({ label, columns, rows }) {
  const [open, setOpen] = useState(false);
  return html`
    <details class="numbers" onToggle=${(event) => setOpen(event.currentTarget.open)}>
      <summary>The numbers as a table<span class="unseen">: ${label}</span></summary>
      ${open && html`<${DataTable} label=${label} rows=${rows()}
        columns=${columns.map((title, at) => ({ title, value: (row) => row[at], draw: (row) => figure(row[at]), end: at > 0 && title !== "note" }))} />`}
    </details>`;
}
