// Rows of a table by their place in a filter, asked for by pages where they are looked at.

import { ask, withQuery } from "../../../shared/api.js";
import { useEffect, useRef, useState } from "../../../shared/html.js";

const PAGE = 120;

/**
 * `{rows, total, error, need, reload}`: rows by position, with holes where they are not loaded; `need(first, last)`
 * has those loaded. `stamp` is another one where what is known of rows has changed.
 */
export function useRows(of, key, filter, stamp) {
  const [page, setPage] = useState({ rows: [], total: null });
  const [error, setError] = useState(null);
  const state = useRef({ round: 0, waiting: new Set(), range: [0, PAGE] });
  const asked = JSON.stringify([of, key, filter]);

  const load = async (starts, anew) => {
    const { current } = state;
    if (anew) {
      current.round += 1;
      current.waiting.clear();
    }
    const { round } = current;
    await Promise.all(starts.filter((start) => !current.waiting.has(start)).map(async (start) => {
      current.waiting.add(start);
      try {
        const answer = await ask("GET", withQuery("/table/rows", { of, key, ...filter, offset: String(start), limit: String(PAGE) }));
        if (round !== current.round) return;
        setError(null);
        setPage((before) => {
          const rows = before.asked === asked ? before.rows.slice() : [];
          answer.rows.forEach((row, index) => { rows[start + index] = row; });
          return { rows, total: answer.total, asked };
        });
      } catch (failure) {
        if (round === current.round) setError(failure);
      } finally {
        if (round === current.round) current.waiting.delete(start);
      }
    }));
  };
  const reload = () => load(startsOf(...state.current.range), true);
  const need = (first, last) => {
    state.current.range = [first, last];
    load(startsOf(first, last), false);
  };
  useEffect(() => {
    state.current.range = [0, PAGE];
  }, [asked]);
  useEffect(() => {
    reload();
  }, [asked, stamp]);
  return { ...page, error, need, reload };
}

function startsOf(first, last) {
  const starts = [];
  for (let start = Math.floor(first / PAGE) * PAGE; start < last; start += PAGE) starts.push(start);
  return starts;
}
