// One picture: in full, its row, what was predicted, near-duplicates, and what is like it.

import { ask, withQuery } from "../../../shared/api.js";
import { html, percent, useLoaded, useState } from "../../../shared/html.js";
import { CommandLine, quoted } from "../../parts/command_line.js";
import { Loaded } from "../../parts/states.js";
import { Why } from "../../parts/why.js";
import { imageUrl, picturePath, tablePath, titleOf } from "./addresses.js";
import { Caption, Thumbnail } from "./picture_grid.js";

export function Page({ query }) {
  const of = query.get("of") ?? "";
  const row = query.get("row") ?? "";
  const found = useLoaded(async () => {
    const table = await ask("GET", withQuery("/table", { of }));
    const picture = await ask("GET", withQuery(`/table/pictures/${encodeURIComponent(row)}`, { of }));
    return { table, picture };
  }, [of, row]);
  return html`
    <div class="stack">
      <p><a href=${tablePath({ of })}>${titleOf(of)}</a></p>
      <${Loaded} of=${found}>${({ table, picture }) => html`<${Picture} key=${row} table=${table} picture=${picture} />`}<//>
    </div>`;
}

function Picture({ table, picture }) {
  const { of, key, summary } = table;
  const [broken, setBroken] = useState(picture.fault);
  const step = (row, text) => (row < 0 || row >= (summary?.rows ?? 0) ? null : html`<a class="button" href=${picturePath(of, row)}>${text}</a>`);
  const route = (part) => withQuery(`/table/pictures/${picture.row}/${part}`, { of, key });
  return html`
    <div class="page-head"><h1>${picture.name}</h1><div class="row">${step(picture.row - 1, "Previous")}${step(picture.row + 1, "Next")}</div></div>
    <div class="columns picture-page">
      <div class="panel">${broken
        ? html`<p class="error" role="alert">${broken}</p>`
        : html`<img class="whole" src=${imageUrl(of, key, picture.row)} alt=${picture.name} onError=${() => setBroken("This picture cannot be read: it was deleted, or is damaged.")} />`}</div>
      <div class="panel">
        <h2>Its row</h2>
        <dl class="facts">
          <${Fact} name="Labels">${picture.labels.length ? picture.labels.map((label, place) => html`${place ? ", " : ""}<a href=${tablePath({ of, label })}>${label}</a>`) : "none"}<//>
          ${picture.split !== null && html`<${Fact} name="Split"><a href=${tablePath({ of, split: picture.split })}>${picture.split}</a><//>`}
          ${picture.prediction !== null && html`<${Fact} name="Prediction"><a href=${tablePath({ of, prediction: picture.prediction })}>${picture.prediction}</a>${picture.confidence === null ? "" : `, ${percent(picture.confidence, 1)}`}<//>`}
          <${Fact} name="Picture">${picture.location}<//>
          ${picture.file !== null && html`<${Fact} name="Read from">${picture.file}${picture.line === null ? "" : `, line ${picture.line}`}<//>`}
          <${Fact} name="Row">${picture.row.toLocaleString("en")}<//>
        </dl>
        ${picture.predicted_by !== null && html`<p><${Why} name=${picture.name} of="the prediction" offered=${route("explanations")} explain=${route("explanation")} /></p>`}
        <${CommandLine} command=${`tintype predict --model MODEL ${quoted(picture.location)}`} label="What a model says of it, in the command line" />
      </div>
    </div>
    ${picture.near_duplicates.length > 0 && html`<${Strip} title="Nearly the same" pictures=${picture.near_duplicates} of=${of} tableKey=${key} />`}
    ${picture.neighbours.length > 0 && html`<${Strip} title="More like this" pictures=${picture.neighbours} of=${of} tableKey=${key} />`}
    ${!picture.mapped && html`<p class="hint">${summary?.mapped
      ? "This picture is not among those of the map, so that what is like it is not known."
      : html`What is like it is known once the table has a <a href=${tablePath({ of, view: "map" })}>map</a>.`}</p>`}`;
}

const Fact = ({ name, children }) => html`<div><dt>${name}</dt><dd>${children}</dd></div>`;

const Strip = ({ title, pictures, of, tableKey }) => html`
  <section class="panel" aria-label=${title}>
    <h2>${title}</h2>
    <ul class="strip">${pictures.map((row) => html`
      <li key=${row.row}><a class="tile" href=${picturePath(of, row.row)} title=${row.name} aria-label=${row.name}>
        <${Thumbnail} of=${of} tableKey=${tableKey} row=${row} side=${128} /><${Caption} row=${row} />
        ${row.cosine !== undefined && html`<span class="tile-more" aria-hidden="true">alike ${row.cosine.toFixed(3)}</span>`}</a></li>`)}
    </ul>
  </section>`;
