// Pictures side by side, by pages; in place of one that is not in the file stands why.

import { Pager } from "./data_table.js";
import { html, useEffect, useState } from "./html.js";

const PAGE = 24;

/** items: `{src, alt, name, caption, mark, reason?}`; src null: no picture, for that reason; mark: "right", "wrong" or "". */
export function PictureGrid({ items, none = "No pictures.", page = PAGE }) {
  const [first, setFirst] = useState(0);
  useEffect(() => setFirst(0), [items]);
  if (items.length === 0) return html`<p class="hint" role="status">${none}</p>`;
  const start = first < items.length ? first : 0;
  return html`
    <div class="pictures">${items.slice(start, start + page).map(({ src, alt, name, caption, mark, reason }) => html`
      <figure class=${mark} title=${name}>
        ${src ? html`<img src=${src} alt=${alt} />` : html`<span class="no-picture">${reason ?? "no picture here"}</span>`}
        <figcaption>${caption}${name && html`<span class="name">${name}</span>`}</figcaption>
      </figure>`)}
    </div>
    ${items.length > page && html`<${Pager} first=${start} page=${page} total=${items.length} onFirst=${setFirst} />`}`;
}
