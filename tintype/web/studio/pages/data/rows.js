// Rows of a table by their place in a filter.

import { ask, withQuery } from "../../../shared/api.js";
import { usePagedRows } from "../../parts/paged_rows.js";

const PAGE = 120;

/** `{rows, total, error, need, reload}`, as of `usePagedRows`; total is null at first. */
export function useRows(of, key, filter, stamp) {
  const load = (offset, limit, signal) => ask("GET", withQuery("/table/rows", { of, key, ...filter, offset, limit }), undefined, { signal });
  const { page, ...rest } = usePagedRows(load, JSON.stringify([of, key, filter]), { size: PAGE, stamp });
  return { rows: page?.rows ?? [], total: page?.total ?? null, ...rest };
}
