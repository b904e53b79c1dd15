// A table of rows that are all here: sorted by a click on a column's head, searched, and shown by pages.

import { html, useMemo, useState } from "./html.js";

const PAGE = 25;

/**
 * columns: `{title, value(row), draw?(row), end?, long?}`: what it is sorted by (null: it cannot be), what is shown, whether
 * it stands at the end or needs room. The first column names the row. search(row): the text that is searched; without it there is no field.
 * sorted: `{by, descending}` at first, by the column's place. rowProps(row): attributes of its element.
 */
export function DataTable({ label, columns, rows, search, sorted = null, page = PAGE, rowProps = () => ({}) }) {
  const [order, setOrder] = useState(sorted);
  const [words, setWords] = useState("");
  const [first, setFirst] = useState(0);
  const found = useMemo(() => {
    const wanted = words.trim().toLowerCase();
    const kept = wanted && search ? rows.filter((row) => search(row).toLowerCase().includes(wanted)) : rows;
    return order ? inOrder(kept, columns[order.by].value, order.descending) : kept;
  }, [rows, words, order]);
  const start = first < found.length ? first : 0;
  const shown = found.slice(start, start + page);
  const sort = (by) => {
    setFirst(0);
    setOrder((before) => ({ by, descending: before?.by === by ? !before.descending : Boolean(columns[by].end) }));
  };
  return html`
    <div class="data-table">
      ${search && rows.length > page / 2 && html`
        <div class="controls row"><label>Search <input type="search" value=${words} onInput=${(event) => { setWords(event.target.value); setFirst(0); }} /></label></div>`}
      <div class="scroll" tabindex="0" role="region" aria-label=${label}>
        <table>
          <caption class="unseen">${label}</caption>
          <thead><tr>${columns.map((column, at) => html`
            <th scope="col" class=${column.end ? "end" : ""} aria-sort=${order?.by === at ? (order.descending ? "descending" : "ascending") : undefined}>
              ${column.value
                ? html`<button type="button" onClick=${() => sort(at)}>${column.title}<span aria-hidden="true">${order?.by === at ? (order.descending ? "↓" : "↑") : ""}</span></button>`
                : column.title}
            </th>`)}</tr></thead>
          <tbody>${shown.map((row) => html`
            <tr ...${rowProps(row)}>${columns.map((column, at) => {
              const content = column.draw ? column.draw(row) : column.value(row);
              const kind = column.end ? "end" : column.long ? "long" : "";
              return at === 0 ? html`<th scope="row" class=${kind}>${content}</th>` : html`<td class=${kind}>${content}</td>`;
            })}</tr>`)}
          </tbody>
        </table>
      </div>
      ${found.length === 0 && html`<p class="hint" role="status">Nothing is found.</p>`}
      ${found.length > page && html`<${Pager} first=${start} page=${page} total=${found.length} onFirst=${setFirst} />`}
    </div>`;
}

/** Which rows are shown, and the way to those before and after. */
export function Pager({ first, page, total, onFirst }) {
  return html`
    <div class="pager" role="group" aria-label="Pages">
      <button type="button" disabled=${first === 0} onClick=${() => onFirst(Math.max(0, first - page))}>Previous</button>
      <span role="status">${(first + 1).toLocaleString("en")} to ${Math.min(first + page, total).toLocaleString("en")} of ${total.toLocaleString("en")}</span>
      <button type="button" disabled=${first + page >= total} onClick=${() => onFirst(first + page)}>Next</button>
    </div>`;
}

/** Rows by their values; those without one come last either way. */
function inOrder(rows, value, descending) {
  const missing = (one) => one === null || one === undefined || one === "";
  const sign = descending ? -1 : 1;
  return rows.map((row, at) => [row, value(row), at]).sort(([, a, i], [, b, j]) => {
    if (missing(a) || missing(b)) return missing(a) - missing(b) || i - j;
    return sign * (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true })) || i - j;
  }).map(([row]) => row);
}
