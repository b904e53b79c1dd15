// A table of any length: only the rows in sight are drawn, and rows that are not here yet are asked for by pages.

import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../../shared/html.js";

const ROW = 40;
const SPARE = 10;

/**
 * columns: `{key, title, draw(row), sort?, width?, end?, wide?}`; `sort` names what the rows are sorted by, and what is
 * `wide` is left out where there is little room.
 * rows: by position, with holes where they are not loaded; `total` is how many there are.
 * need(first, last): which rows are in sight.
 * sorted: `{by, descending}`, onSort(by).
 * selected: a Set of keys, with onSelect(key, chosen); rowKey(row), href(row).
 */
export function Table({ label, columns: all, rows, total, need, sorted, onSort, selected, onSelect, rowKey, rowName = rowKey }) {
  const scroller = useRef(null);
  const narrow = useNarrow();
  const columns = narrow ? all.filter(({ wide }) => !wide) : all;
  const [range, setRange] = useState({ first: 0, last: 40 });
  const measure = () => {
    const { current } = scroller;
    const first = Math.max(0, Math.floor(current.scrollTop / ROW) - SPARE);
    const last = Math.ceil((current.scrollTop + current.clientHeight) / ROW) + SPARE;
    setRange((before) => (before.first === first && before.last === last ? before : { first, last }));
  };
  useLayoutEffect(() => {
    const observer = new ResizeObserver(measure);
    observer.observe(scroller.current);
    return () => observer.disconnect();
  }, []);
  const last = Math.min(range.last, total);
  const first = Math.min(range.first, Math.max(0, last - 1));
  useEffect(() => need?.(first, last), [first, last, total]);

  const shown = [];
  for (let index = first; index < last; index += 1) shown.push(index);
  const widths = columns.map(({ width = "minmax(7rem, 1fr)" }) => width).join(" ");
  const template = `${selected ? "2.4rem " : ""}${widths}`;
  return html`
    <div class="table" ref=${scroller} role="table" aria-label=${label} aria-rowcount=${total + 1} tabindex="0" onScroll=${measure} style=${{ "--columns": template }}>
      <div class="table-head" role="rowgroup"><div role="row" aria-rowindex="1" class="table-row">
        ${selected && html`<span role="columnheader"><span class="unseen">Chosen</span></span>`}
        ${columns.map((column) => html`<${Head} key=${column.key} column=${column} sorted=${sorted} onSort=${onSort} />`)}
      </div></div>
      <div class="table-body" role="rowgroup" style=${{ height: `${total * ROW}px` }}>
        ${shown.map((index) => html`
          <${Row} key=${rows[index] ? rowKey(rows[index]) : `at ${index}`} index=${index} row=${rows[index]} columns=${columns}
            chosen=${selected && rows[index] ? selected.has(rowKey(rows[index])) : null}
            onSelect=${onSelect} rowKey=${rowKey} rowName=${rowName} />`)}
      </div>
    </div>`;
}

/** Whether there is little room. */
function useNarrow() {
  const media = useMemo(() => matchMedia("(max-width: 700px)"), []);
  const [narrow, setNarrow] = useState(media.matches);
  useEffect(() => {
    const changed = () => setNarrow(media.matches);
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, []);
  return narrow;
}

function Head({ column, sorted, onSort }) {
  const here = column.sort && sorted?.by === column.sort;
  const order = here ? (sorted.descending ? "descending" : "ascending") : undefined;
  return html`
    <span role="columnheader" class=${column.end ? "end" : ""} aria-sort=${order}>
      ${column.sort
        ? html`<button type="button" class="quiet" onClick=${() => onSort(column.sort)}>${column.title}<span aria-hidden="true">${here ? (sorted.descending ? " ↓" : " ↑") : ""}</span></button>`
        : column.title}
    </span>`;
}

function Row({ index, row, columns, chosen, onSelect, rowKey, rowName }) {
  const place = { transform: `translateY(${index * ROW}px)` };
  if (!row) return html`<div role="row" class="table-row waits" aria-rowindex=${index + 2} style=${place}><span role="cell">…</span></div>`;
  return html`
    <div role="row" class="table-row" aria-rowindex=${index + 2} style=${place}>
      ${chosen !== null && html`<span role="cell"><input type="checkbox" aria-label=${`Choose ${rowName(row)}`} checked=${chosen} onChange=${(event) => onSelect(rowKey(row), event.target.checked)} /></span>`}
      ${columns.map(({ key, draw, end }) => html`<span role="cell" key=${key} class=${end ? "end" : ""}>${draw(row)}</span>`)}
    </div>`;
}
