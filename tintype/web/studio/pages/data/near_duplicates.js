// Groups of pictures that are nearly the same, the largest first.

import { ask, withQuery } from "../../../shared/api.js";
import { counted, html, percent, useLoaded, useState } from "../../../shared/html.js";
import { Empty, Loaded } from "../../parts/states.js";
import { picturePath } from "./addresses.js";
import { Caption, Thumbnail } from "./picture_grid.js";

const PAGE = 20;

export function NearDuplicates({ table, onSelect }) {
  const { of, key, summary } = table;
  const [offset, setOffset] = useState(0);
  const groups = useLoaded(async () => (summary.near_duplicates === null ? null : ask("GET", withQuery("/table/near-duplicates", { of, key, offset: String(offset), limit: String(PAGE) }))), [of, key, summary.near_duplicates, offset]);
  return html`<${Loaded} of=${groups}>${(found) => {
    if (found === null) return html`<p class="hint">Near-duplicates are known once every picture was looked at.</p>`;
    if (!found.total) return html`<${Empty} title="No near-duplicates"><p class="hint">No two pictures are nearly the same.</p><//>`;
    return html`
      <p class="hint">${counted(found.total, "group")}, ${counted(found.pictures)} in all: the same photo saved again, smaller, brighter or cropped a little.</p>
      ${found.groups.map((group, place) => html`<${Group} key=${offset + place} group=${group} number=${offset + place + 1} of=${of} tableKey=${key} onSelect=${onSelect} />`)}
      ${found.total > PAGE && html`
        <div class="row"><button type="button" disabled=${!offset} onClick=${() => setOffset(offset - PAGE)}>Previous</button>
          <span class="hint">${offset + 1} to ${Math.min(offset + PAGE, found.total)} of ${found.total.toLocaleString("en")}</span>
          <button type="button" disabled=${offset + PAGE >= found.total} onClick=${() => setOffset(offset + PAGE)}>Next</button></div>`}`;
  }}<//>`;
}

function Group({ group, number, of, tableKey, onSelect }) {
  const { pictures } = group;
  return html`
    <section class="panel" aria-labelledby=${`group-${number}`}>
      <div class="row spread">
        <h2 id=${`group-${number}`}>Group ${number}: ${counted(group.count)}</h2>
        <div class="row">
          ${group.labels > 1 && html`<span class="error">${group.labels} different labels</span>`}
          ${group.splits > 1 && html`<span class="error">in ${group.splits} splits</span>`}
          <button type="button" onClick=${() => onSelect(pictures.map(({ row }) => row))}>Select</button>
        </div>
      </div>
      <ul class="strip">${pictures.map((row, place) => html`
        <li key=${row.row}><a class="tile" href=${picturePath(of, row.row)} title=${row.name} aria-label=${`${row.name}, labelled ${row.labels.join(", ") || "nothing"}, alike to ${percent(group.alike[place])}`}>
          <${Thumbnail} of=${of} tableKey=${tableKey} row=${row} side=${128} /><${Caption} row=${row} /></a></li>`)}
      </ul>
      ${group.count > pictures.length && html`<p class="hint">${group.count - pictures.length} more</p>`}
    </section>`;
}
