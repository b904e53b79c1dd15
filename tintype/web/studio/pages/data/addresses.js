// Addresses of tables and pictures, here and on the server, and how both say which rows are wanted.

import { withQuery } from "../../../shared/api.js";

const FILTERS = ["label", "split", "prediction", "wrong", "least", "most", "text", "fault", "selection"];

/** What the address of a page says of rows, as the server takes it. */
export function filterOf(query) {
  const filter = {};
  for (const key of FILTERS) {
    const values = query.getAll(key).filter(Boolean);
    if (values.length) filter[key] = values;
  }
  return filter;
}

export const NO_FILTER = Object.fromEntries(FILTERS.map((key) => [key, null]));

export const tablePath = (query) => withQuery("/data/table", query);
export const picturePath = (of, row) => withQuery("/data/picture", { of, row: String(row) });

export const thumbnailUrl = (of, key, row, side = 256) =>
  `/api/table/pictures/${row}/thumbnail?${new URLSearchParams({ of, key, side })}`;
export const imageUrl = (of, key, row) => `/api/table/pictures/${row}/image?${new URLSearchParams({ of, key })}`;

/** `folder:photos/new` as people say it. */
export function titleOf(of) {
  const [, kind, name] = /^([^:]*):(.*)$/s.exec(of) ?? [null, "", of];
  if (kind === "folder") return name;
  const [, first, last] = /^(.*):([^:]*)$/s.exec(name) ?? [null, name, ""];
  return kind === "run" ? `${first}: ${last.replaceAll("_", " ")}` : `${first}, version ${last}`;
}

// The head of a bitmap file of 8 x 8 pixels of 24 bits; 54 bytes, so that base64 goes on behind it.
const BITMAP = "Qk32AAAAAAAAADYAAAAoAAAACAAAAAgAAAABABgAAAAAAMAAAAAAAAAAAAAAAAAAAAAAAAAA";

/** The tiny copy of a picture, to be shown until a better one is there. */
export const tinyUrl = (tiny) => `url("data:image/bmp;base64,${BITMAP}${tiny}")`;
