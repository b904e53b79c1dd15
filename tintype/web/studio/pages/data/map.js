// The map of embeddings: what looks alike is close. A lasso shows what is in it in the grid below.

import { ask, withQuery } from "../../../shared/api.js";
import { counted, html, useEffect, useLayoutEffect, useLoaded, useMemo, useRef, useState } from "../../../shared/html.js";
import { Failure, Loaded } from "../../parts/states.js";
import { complain } from "../../parts/toasts.js";
import { go } from "../../router.js";
import { picturePath, thumbnailUrl } from "./addresses.js";
import { MapCanvas } from "./map_canvas.js";
import { Work } from "./progress.js";

// Ten that people with any kind of sight tell apart best (after Wong 2011 and Tableau's order), then grey.
const COLOURS = ["#4477c9", "#dd7a1f", "#2f9e62", "#c6455f", "#8a63c9", "#9a6a3c", "#d977b5", "#2aa5b3", "#a8a020", "#6b7f99"];
const OTHER = "#8b8f96";

export function MapView({ table, filter, onSelect, reload }) {
  const { of, key, summary, work } = table;
  const make = () => ask("POST", withQuery("/table/map", { of, key }), {}).then(reload, complain);
  const busy = work.map && ["waiting", "working"].includes(work.map.state);
  const found = useLoaded(async () => (summary.mapped ? ask("GET", withQuery("/table/map", { of, key })) : null), [of, key, summary.mapped]);
  return html`
    ${busy && html`<${Work} work=${work.map} what="Making the map" />`}
    ${work.map?.state === "failed" && html`<${Failure} error=${new Error(work.map.error)} again=${make} />`}
    ${!summary.mapped && !work.map && html`
      <div class="panel">
        <p>A map puts pictures that look alike beside each other. A model's embeddings of up to 5,000 pictures are computed in the background, and kept.</p>
        <div class="row"><button type="button" class="main" onClick=${make}>Make the map</button></div>
      </div>`}
    <${Loaded} of=${found}>${(map) => map && html`<${Points} of=${of} tableKey=${key} map=${map} filter=${filter} onSelect=${onSelect} />`}<//>`;
}

/** Names in the order of how many points they have, and the colour of each. */
function colouring(map, by) {
  const names = by === "splits" ? map.split_names : map.names;
  const counts = new Array(names.length).fill(0);
  for (const code of map[by]) if (code >= 0) counts[code] += 1;
  const order = counts.map((_, code) => code).filter((code) => counts[code]).sort((a, b) => counts[b] - counts[a]);
  const colours = new Array(names.length).fill(OTHER);
  order.slice(0, COLOURS.length).forEach((code, place) => { colours[code] = COLOURS[place]; });
  return {
    colours: map[by].map((code) => (code < 0 ? OTHER : colours[code])),
    legend: order.slice(0, COLOURS.length).map((code) => ({ name: names[code], colour: colours[code], count: counts[code] })),
    others: order.length - Math.min(order.length, COLOURS.length),
  };
}

function Points({ of, tableKey, map, filter, onSelect }) {
  const ways = [["labels", "Label"], ["predictions", "Prediction"], ["splits", "Split"]].filter(([way]) => map[way].some((code) => code >= 0));
  const [by, setBy] = useState(ways[0]?.[0] ?? "labels");
  const [mode, setMode] = useState("lasso");
  const [point, setPoint] = useState({ index: -1, x: 0, y: 0 });
  const canvas = useRef(null);
  const drawn = useRef(null);
  const select = useRef(onSelect);
  select.current = onSelect;
  const { colours, legend, others } = useMemo(() => colouring(map, by), [map, by]);
  const dim = useMemo(() => {
    const wanted = filter.label && new Set(filter.label.map((label) => map.names.indexOf(label)));
    const split = filter.split && map.split_names.indexOf(filter.split[0]);
    return map.rows.map((_, index) => (wanted && !wanted.has(map.labels[index])) || (split !== undefined && map.splits[index] !== split));
  }, [map, JSON.stringify(filter)]);
  useLayoutEffect(() => {
    const made = new MapCanvas(canvas.current, {
      hover: (index, x, y) => setPoint({ index, x, y }),
      lassoed: (indices) => select.current(indices.map((index) => map.rows[index])),
      opened: (index) => go(picturePath(of, map.rows[index])),
    });
    drawn.current = made;
    const again = () => made.draw();
    addEventListener("theme", again);
    return () => {
      removeEventListener("theme", again);
      made.close();
    };
  }, [map]);
  useEffect(() => drawn.current.show({ x: map.x, y: map.y, colours, dim }), [map, colours, dim]);
  useEffect(() => { drawn.current.mode = mode; }, [mode, map]);
  const sampled = map.rows.length < map.of;
  return html`
    <section class="panel map" aria-label="Map">
      <div class="row spread">
        <div class="row" role="group" aria-label="What dragging does">
          <button type="button" aria-pressed=${mode === "lasso"} onClick=${() => setMode("lasso")}>Lasso</button>
          <button type="button" aria-pressed=${mode === "move"} onClick=${() => setMode("move")}>Move</button>
          <button type="button" aria-label="Closer" onClick=${() => drawn.current.zoomBy(1.5)}>+</button>
          <button type="button" aria-label="Further away" onClick=${() => drawn.current.zoomBy(1 / 1.5)}>−</button>
          <button type="button" onClick=${() => drawn.current.whole()}>Whole</button>
          <button type="button" onClick=${() => { const seen = drawn.current.inSight(); if (seen.length) onSelect(seen.map((index) => map.rows[index])); }}>Select what is in sight</button>
        </div>
        ${ways.length > 1 && html`<label class="row">Colours by <select value=${by} onChange=${(event) => setBy(event.target.value)}>${ways.map(([way, title]) => html`<option key=${way} value=${way}>${title}</option>`)}</select></label>`}
      </div>
      <div class="map-frame">
        <canvas ref=${canvas} tabindex="0" role="application" aria-label="Pictures by what they look like. Arrows go from one to the next, Enter opens it, plus and minus zoom."></canvas>
        ${point.index >= 0 && html`<${Hovered} of=${of} tableKey=${tableKey} map=${map} point=${point} frame=${canvas.current} />`}
      </div>
      <ul class="legend">${legend.map(({ name, colour, count }) => html`
        <li key=${name}><span class="line-key" style=${{ background: colour }}></span>${name} <span class="hint figure">${count.toLocaleString("en")}</span></li>`)}
        ${others > 0 && html`<li><span class="line-key" style=${{ background: OTHER }}></span>${counted(others, "other")}</li>`}
      </ul>
      <p class="hint">${counted(map.rows.length)}${sampled ? `, drawn evenly of ${map.of.toLocaleString("en")}` : ""}; embeddings of ${map.model}, arranged by ${map.method === "pca" ? "PCA, until t-SNE is done" : "t-SNE"}.</p>
    </section>`;
}

/** The picture that is pointed at. */
function Hovered({ of, tableKey, map, point, frame }) {
  const row = map.rows[point.index];
  const label = map.names[map.labels[point.index]];
  const right = point.x > frame.clientWidth / 2;
  const below = point.y > frame.clientHeight / 2;
  const place = {
    left: right ? "auto" : `${point.x + 14}px`, right: right ? `${frame.clientWidth - point.x + 14}px` : "auto",
    top: below ? "auto" : `${point.y + 14}px`, bottom: below ? `${frame.clientHeight - point.y + 14}px` : "auto",
  };
  return html`
    <div class="hovered" role="status" style=${place}>
      <img key=${row} src=${thumbnailUrl(of, tableKey, row, 128)} alt="" />
      <span>${label ?? "no label"}</span>
    </div>`;
}
