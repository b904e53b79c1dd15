// A grid of any number of pictures: only those in sight are drawn. Arrows move, Enter opens, the space bar chooses.

import { html, percent, useEffect, useLayoutEffect, useRef, useState } from "../../../shared/html.js";
import { picturePath, thumbnailUrl, tinyUrl } from "./addresses.js";
import { go } from "../../router.js";

const WIDTH = 148;
const GAP = 8;
const CAPTION = 46;
const SPARE_ROWS = 3;

// Tiles that are only passed by ask for no thumbnail.
const PASSING_MS = 40;

// Taller than any browser's elements can be is only told; what is scrolled by is scaled then.
const TALLEST = 16_000_000;

/**
 * rows: by position, with holes; need(first, last) tells which are in sight.
 * chosen: a Set of row numbers, onChoose(rows, on); null: nothing can be chosen.
 */
export function PictureGrid({ of, tableKey, label, rows, total, need, chosen = null, onChoose }) {
  const scroller = useRef(null);
  const [size, setSize] = useState({ columns: 4, tile: WIDTH, height: 600 });
  const [top, setTop] = useState(0);
  const [current, setCurrent] = useState(0);
  const moved = useRef(false);
  const last = useRef(null);

  useLayoutEffect(() => {
    const node = scroller.current;
    const measure = () => {
      const width = node.clientWidth - 2;
      const columns = Math.max(2, Math.floor((width + GAP) / (WIDTH + GAP)));
      setSize({ columns, tile: Math.floor((width - GAP * (columns - 1)) / columns), height: node.clientHeight });
    };
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    measure();
    return () => observer.disconnect();
  }, []);

  const step = size.tile + CAPTION + GAP;
  const lines = Math.ceil(total / size.columns);
  const whole = lines * step;
  const height = Math.min(whole, TALLEST);
  const scale = height > size.height ? (whole - size.height) / (height - size.height) : 1;
  const seen = top * scale;
  const firstLine = Math.max(0, Math.floor(seen / step) - SPARE_ROWS);
  const lastLine = Math.min(lines, Math.ceil((seen + size.height) / step) + SPARE_ROWS);
  const first = firstLine * size.columns;
  const end = Math.min(total, lastLine * size.columns);

  useEffect(() => need(first, end), [first, end, total]);

  // The keys reach the grid wherever it was scrolled to.
  const place = current >= first && current < end ? current : Math.min(total - 1, Math.ceil(seen / step) * size.columns);
  useLayoutEffect(() => {
    if (!moved.current) return;
    moved.current = false;
    scroller.current.querySelector('[tabindex="0"][role="gridcell"]')?.focus({ preventScroll: true });
  });

  /** Make a place the current one, in sight. */
  const move = (to) => {
    const next = Math.max(0, Math.min(total - 1, to));
    const line = Math.floor(next / size.columns) * step;
    const node = scroller.current;
    if (line < seen) node.scrollTop = line / scale;
    else if (line + step > seen + size.height) node.scrollTop = (line + step - size.height) / scale;
    setTop(node.scrollTop);
    moved.current = true;
    setCurrent(next);
  };
  const choose = (index, range) => {
    if (!chosen || !rows[index]) return;
    const from = range && last.current !== null ? last.current : index;
    const on = range ? true : !chosen.has(rows[index].row);
    last.current = index;
    const [low, high] = from < index ? [from, index] : [index, from];
    onChoose(rows.slice(low, high + 1).filter(Boolean).map(({ row }) => row), on);
  };
  const open = (index) => rows[index] && go(picturePath(of, rows[index].row));
  const pressed = (event) => {
    const screen = Math.max(1, Math.floor(size.height / step)) * size.columns;
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: size.columns, ArrowUp: -size.columns, PageDown: screen, PageUp: -screen };
    if (event.key in steps) move(place + steps[event.key]);
    else if (event.key === "Home") move(0);
    else if (event.key === "End") move(total - 1);
    else if (event.key === "Enter") open(place);
    else if (event.key === " ") choose(place, event.shiftKey);
    else return;
    event.preventDefault();
  };
  const clicked = (index, event) => {
    setCurrent(index);
    if (event.shiftKey || event.ctrlKey || event.metaKey || event.target.closest(".choose")) choose(index, event.shiftKey);
    else open(index);
  };

  const drawn = [];
  for (let line = firstLine; line < lastLine; line += 1) {
    const cells = [];
    for (let index = line * size.columns; index < Math.min(total, (line + 1) * size.columns); index += 1) {
      cells.push(html`
        <${Tile} key=${index} of=${of} tableKey=${tableKey} row=${rows[index]} column=${index % size.columns} current=${index === place}
          chosen=${chosen && rows[index] ? chosen.has(rows[index].row) : null} onClick=${(event) => clicked(index, event)} onFocus=${() => setCurrent(index)} />`);
    }
    const y = line * step - seen + top;
    drawn.push(html`<div key=${line} role="row" aria-rowindex=${line + 1} class="picture-line" style=${{ transform: `translateY(${y}px)`, gridTemplateColumns: `repeat(${size.columns}, ${size.tile}px)`, "--tile": `${size.tile}px` }}>${cells}</div>`);
  }
  return html`
    <div class="pictures" ref=${scroller} role="grid" aria-label=${label} aria-rowcount=${lines} aria-multiselectable=${chosen ? "true" : undefined}
      onScroll=${(event) => setTop(event.currentTarget.scrollTop)} onKeyDown=${pressed}>
      <div class="pictures-all" role="rowgroup" style=${{ height: `${height}px` }}>${drawn}</div>
    </div>`;
}

function Tile({ of, tableKey, row, column, current, chosen, onClick, onFocus }) {
  const place = { role: "gridcell", "aria-colindex": column + 1, tabindex: current ? 0 : -1, onFocus };
  if (!row) return html`<div ...${place} class="tile" aria-label="Loading"><div class="thumb"></div></div>`;
  return html`
    <div ...${place} class=${`tile ${chosen ? "chosen" : ""}`} aria-selected=${chosen === null ? undefined : chosen} aria-label=${spoken(row)} title=${row.name} onClick=${onClick}>
      <${Thumbnail} of=${of} tableKey=${tableKey} row=${row} />
      ${chosen !== null && html`<span class="choose" aria-hidden="true">${chosen ? "✓" : ""}</span>`}
      <${Caption} row=${row} />
    </div>`;
}

/** The picture of a row, or why there is none. */
export function Thumbnail({ of, tableKey, row, side = 256 }) {
  const [state, setState] = useState("waits");
  const image = useRef(null);
  useEffect(() => {
    setState("waits");
    const timer = setTimeout(() => setState("asked"), PASSING_MS);
    return () => {
      clearTimeout(timer);
      // Taken away alone, it would still be fetched to its end.
      image.current?.removeAttribute("src");
    };
  }, [of, tableKey, row.row]);
  const broken = row.fault ?? (state === "broken" ? "This picture cannot be read." : null);
  if (broken) return html`<div class="thumb broken"><span>${broken}</span></div>`;
  return html`
    <div class="thumb" style=${{ backgroundImage: row.tiny ? tinyUrl(row.tiny) : "none" }}>
      ${state === "asked" && html`<img ref=${image} fetchpriority="low" src=${thumbnailUrl(of, tableKey, row.row, side)} alt="" decoding="async" draggable=${false} onError=${() => setState("broken")} />`}
    </div>`;
}

/** What is known of a picture, below it. */
export function Caption({ row }) {
  const wrong = row.prediction !== null && row.labels.length > 0 && !row.labels.includes(row.prediction);
  return html`
    <span class="tile-labels" aria-hidden="true">${row.labels.join(", ") || (row.prediction === null ? "no label" : " ")}</span>
    ${row.prediction === null
      ? html`<span class="tile-more" aria-hidden="true">${row.name.split("/").at(-1)}</span>`
      : html`<span class=${`tile-more ${wrong ? "wrong" : ""}`} aria-hidden="true">→ ${row.prediction} ${row.confidence === null ? "" : percent(row.confidence)}</span>`}`;
}

function spoken(row) {
  const parts = [row.name, row.labels.length ? `labelled ${row.labels.join(", ")}` : "no label"];
  if (row.prediction !== null) parts.push(`predicted ${row.prediction}${row.confidence === null ? "" : `, ${percent(row.confidence)}`}`);
  if (row.split) parts.push(row.split);
  if (row.fault) parts.push(row.fault);
  return parts.join(", ");
}
