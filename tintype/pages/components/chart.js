// A chart as SVG: lines, bars and points. The nearest point is told under the pointer or by the arrow keys, the legend
// shows and hides, and the numbers stand in a table behind it.

import { html, useEffect, useMemo, useRef, useState } from "./html.js";
import { figure } from "./numbers.js";
import { Numbers } from "./numbers_behind.js";
import { scale } from "./scale.js";

const LEFT = 52;
const RIGHT = 14;
const TOP = 10;
const BOTTOM = 42;
const NARROW = 280;
const REACH = 40; // pixels from the pointer to a point
const COLOURS = 8;
const DASHES = ["", "6 3", "2 3"];

/**
 * x, y: `{label, range?}`; a range is [low, high], else that of the values.
 * series: `{name, x, y, kind?, to?, main?, notes?}`: kind "line", "step", "points", "hollow" or "bars" (which
 * reach from `x` to `to`); `notes` has a text a point, told with it.
 * diagonal: a dotted line from corner to corner.
 */
export function Chart({ title, x, y, series, diagonal = false, height = 320 }) {
  const host = useRef(null);
  const [width, setWidth] = useState(560);
  const [hidden, setHidden] = useState(() => new Set());
  const [here, setHere] = useState(null); // {line, at}
  const [lit, setLit] = useState(null);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.max(NARROW, Math.round(entry.contentRect.width))));
    observer.observe(host.current);
    return () => observer.disconnect();
  }, []);
  const across = useMemo(() => scale(x.range ?? series.flatMap((one) => (one.to ? [...one.x, ...one.to] : one.x)), LEFT, width - RIGHT, !x.range), [series, width]);
  const up = useMemo(() => scale(y.range ?? series.flatMap((one) => one.y), height - BOTTOM, TOP, !y.range), [series, height]);
  const place = (one, at) => [across.to(one.to ? (one.x[at] + one.to[at]) / 2 : one.x[at]), up.to(one.y[at])];
  const shown = series.map((one, line) => ({ one, line })).filter(({ line }) => !hidden.has(line));

  const nearest = (event) => {
    const box = host.current.querySelector("svg").getBoundingClientRect();
    const [left, top] = [((event.clientX - box.left) * width) / box.width, ((event.clientY - box.top) * height) / box.height];
    let best = null;
    let least = REACH ** 2;
    for (const { one, line } of shown) {
      for (let at = 0; at < one.x.length; at += 1) {
        const [px, py] = place(one, at);
        // A bar is met anywhere below its top.
        const dy = one.kind === "bars" && top > py ? 0 : py - top;
        const distance = (px - left) ** 2 + dy ** 2;
        if (distance < least) [best, least] = [{ line, at }, distance];
      }
    }
    setHere(best);
  };
  const pressed = (event) => {
    const next = moved(event.key, here, shown);
    if (!next) return;
    event.preventDefault();
    setHere(next);
  };
  const current = here && !hidden.has(here.line) ? series[here.line] : null;
  const toggle = (line) => setHidden((before) => {
    const after = new Set(before);
    if (!after.delete(line)) after.add(line);
    return after;
  });
  const strong = lit ?? (current ? here.line : null);
  return html`
    <figure class="chart">
      <figcaption>${title}</figcaption>
      <div class="plot" ref=${host} tabindex="0" role="group" aria-label=${`${title}: ${y.label} by ${x.label}, ${series.length === 1 ? "one series" : `${series.length} series`}. The arrow keys go from point to point.`}
        onPointerMove=${nearest} onPointerDown=${nearest} onPointerLeave=${() => setHere(null)} onKeyDown=${pressed}>
        <svg viewBox=${`0 0 ${width} ${height}`} aria-hidden="true">
          ${up.ticks.map(({ value, at, text }) => html`<line key=${`y${value}`} class="grid-line" x1=${LEFT} x2=${width - RIGHT} y1=${at} y2=${at} /><text x=${LEFT - 6} y=${at + 4} text-anchor="end">${text}</text>`)}
          ${across.ticks.map(({ value, at, text }) => html`<line key=${`x${value}`} class="grid-line" y1=${TOP} y2=${height - BOTTOM} x1=${at} x2=${at} /><text x=${at} y=${height - BOTTOM + 16} text-anchor="middle">${text}</text>`)}
          <text x=${(LEFT + width - RIGHT) / 2} y=${height - 6} text-anchor="middle">${x.label}</text>
          <text x="12" y=${(TOP + height - BOTTOM) / 2} text-anchor="middle" transform=${`rotate(-90 12 ${(TOP + height - BOTTOM) / 2})`}>${y.label}</text>
          ${diagonal && html`<line class="diagonal" x1=${across.to(0)} y1=${up.to(0)} x2=${across.to(1)} y2=${up.to(1)} />`}
          ${[...shown].reverse().map(({ one, line }) => html`<${Drawn} key=${one.name} one=${one} line=${line} place=${place} across=${across} base=${height - BOTTOM} dim=${strong !== null && strong !== line && shown.length > 1} />`)}
          ${current && html`<circle class="here" cx=${place(current, here.at)[0]} cy=${place(current, here.at)[1]} r="5" />`}
        </svg>
      </div>
      <p class="told" role="status">${current ? told(current, here.at, x, y) : ""}</p>
      ${series.length > 1 && html`
        <ul class="legend">
          ${series.map((one, line) => html`
            <li key=${one.name}><button type="button" aria-pressed=${!hidden.has(line)} onClick=${() => toggle(line)}
              onPointerEnter=${() => setLit(hidden.has(line) ? null : line)} onPointerLeave=${() => setLit(null)}>
              <svg viewBox="0 0 22 10" aria-hidden="true"><${Drawn} one=${sample(one)} line=${line} place=${(part, at) => [part.x[at], part.y[at]]} across=${{ to: (value) => value }} base=${10} dim=${false} /></svg>
              ${one.name}</button></li>`)}
        </ul>`}
      <${Numbers} label=${title} columns=${["series", x.label, y.label, ...(series.some(({ notes }) => notes) ? ["note"] : [])]}
        rows=${() => series.flatMap((one) => one.x.map((value, at) => [one.name, value, one.y[at], one.notes?.[at] ?? ""]))} />
    </figure>`;
}

function told(one, at, x, y) {
  const reach = one.to ? `${figure(one.x[at])} to ${figure(one.to[at])}` : figure(one.x[at]);
  const note = one.notes?.[at];
  return `${one.name}: ${x.label} ${reach}, ${y.label} ${figure(one.y[at])}${note ? `, ${note}` : ""}`;
}

/** What stands for a series in the legend, in a box of 22 by 10. */
const sample = (one) => (one.kind === "bars" ? { ...one, x: [4], to: [18], y: [1] } : one.kind === "points" || one.kind === "hollow" ? { ...one, x: [11], y: [5] } : { ...one, dots: false, x: [0, 22], y: [5, 5] });

function Drawn({ one, line, place, across, base, dim }) {
  const colour = { "--colour": `var(--series-${line % COLOURS})` };
  const faint = dim ? " dim" : "";
  if (one.kind === "bars") {
    return html`<g class=${faint} style=${colour}>${one.x.map((from, at) => {
      const [, top] = place(one, at);
      const left = across.to(from) + 1;
      return html`<rect class="bar" x=${left} y=${top} width=${Math.max(1, across.to(one.to[at]) - left - 1)} height=${Math.max(0, base - top)} />`;
    })}</g>`;
  }
  if (one.kind === "points" || one.kind === "hollow") {
    return html`<g class=${faint} style=${colour}>${one.x.map((_, at) => {
      const [left, top] = place(one, at);
      return html`<circle class=${one.kind === "hollow" ? "point hollow" : "point"} cx=${left} cy=${top} r="4" />`;
    })}</g>`;
  }
  const path = one.x.map((_, at) => {
    const [left, top] = place(one, at).map((value) => value.toFixed(1));
    return at === 0 ? `M${left} ${top}` : one.kind === "step" ? `H${left}V${top}` : `L${left} ${top}`;
  }).join("");
  const dots = one.x.length === 1 || one.dots;
  return html`<g class=${faint} style=${colour}>
    <path class=${one.main ? "line main" : "line"} d=${path} stroke-dasharray=${one.main ? "" : DASHES[Math.floor(line / COLOURS) % DASHES.length]} />
    ${dots && one.x.map((_, at) => html`<circle class="point" cx=${place(one, at)[0]} cy=${place(one, at)[1]} r="3" />`)}
  </g>`;
}

/** Where an arrow key leads: along a series, or to the same place in the next one; null for other keys. */
function moved(key, here, shown) {
  if (!["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].includes(key) || shown.length === 0) return null;
  const filled = shown.filter(({ one }) => one.x.length > 0);
  if (filled.length === 0) return null;
  const at = filled.findIndex(({ line }) => line === here?.line);
  if (at < 0) return { line: filled[0].line, at: 0 };
  const last = filled[at].one.x.length - 1;
  if (key === "Home") return { ...here, at: 0 };
  if (key === "End") return { ...here, at: last };
  if (key === "ArrowLeft") return { ...here, at: Math.max(0, here.at - 1) };
  if (key === "ArrowRight") return { ...here, at: Math.min(last, here.at + 1) };
  const next = filled[(at + (key === "ArrowDown" ? 1 : filled.length - 1)) % filled.length];
  return { line: next.line, at: Math.min(here.at, next.one.x.length - 1) };
}
