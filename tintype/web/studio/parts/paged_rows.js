// Rows of a list of any length, by their position: asked for by pages where they are looked at.

import { useEffect, useRef, useState } from "../../shared/html.js";

// While rows pass by, those are asked for, too, that will be in sight so much later.
const AHEAD_MS = 700;
const MOST_PAGES_AHEAD = 12;

/**
 * load(offset, limit, signal) gives `{rows, total, ...}`; key says what it depends on, size is that of a page, and stamp is
 * another one where what is known of the same rows has changed.
 *
 * Gives `{page, error, need, reload}`. page is what was answered last, with all rows by position and holes where they
 * are not loaded, and null at first; need(first, last) tells which rows are in sight. What was there stays until all that is
 * in sight can be replaced.
 */
export function usePagedRows(load, key, { size, stamp = null }) {
  const [page, setPage] = useState(null);
  const [error, setError] = useState(null);
  const state = useRef(null);
  state.current ??= { range: [0, size], seen: 0, speed: 0, total: Infinity, round: null };
  const { current } = state;

  /** Ask for the pages that begin at `starts`, and show them once they are here. */
  const fetchPages = (round, starts) => Promise.all(starts.map(async (start) => {
    const controller = new AbortController();
    round.waiting.set(start, controller);
    try {
      const answer = await load(start, size, controller.signal);
      if (round !== current.round || controller.signal.aborted) return;
      answer.rows.forEach((row, index) => { round.rows[start + index] = row; });
      round.here.add(start);
      round.answer = answer;
      current.total = answer.total;
      if (round.ready) show(round);
    } catch (failure) {
      if (round === current.round && !controller.signal.aborted) setError(failure);
    } finally {
      if (round.waiting.get(start) === controller) round.waiting.delete(start);
    }
  }));
  const show = (round) => {
    setError(null);
    setPage({ ...round.answer, rows: round.rows });
  };
  const reload = async () => {
    abort(current.round, () => true);
    const round = { rows: [], here: new Set(), waiting: new Map(), answer: null, ready: false };
    current.round = round;
    await fetchPages(round, startsOf(...current.range, size));
    // From now on, page by page.
    round.ready = true;
    if (round === current.round && round.answer) show(round);
  };
  const need = (first, last) => {
    const { round } = current;
    const now = performance.now();
    const passed = now - current.seen;
    // One that jumps or rests does not go on by itself.
    current.speed = passed > 0 && passed < AHEAD_MS ? (current.speed + (first - current.range[0]) / passed) / 2 : 0;
    Object.assign(current, { range: [first, last], seen: now });
    if (!round) return;
    const ahead = Math.min(MOST_PAGES_AHEAD * size, Math.max(size, Math.abs(current.speed) * AHEAD_MS));
    const back = current.speed < 0;
    const low = Math.max(0, first - (back ? ahead : 0));
    const high = Math.min(current.total, last + (back ? 0 : ahead));
    // Passed by already: others are waited for.
    abort(round, (start) => start + 2 * size <= low || start >= high + size);
    const starts = startsOf(low, high, size).filter((start) => !round.here.has(start) && !round.waiting.has(start));
    // What is in sight, and then what comes next.
    fetchPages(round, back ? starts.reverse() : starts);
  };
  useEffect(() => {
    Object.assign(current, { range: [0, size], speed: 0, total: Infinity });
  }, [key]);
  useEffect(() => {
    reload();
  }, [key, stamp]);
  useEffect(() => () => {
    abort(current.round, () => true);
    current.round = null;
  }, []);
  return { page, error, need, reload };
}

function abort(round, outdated) {
  if (!round) return;
  for (const [start, controller] of round.waiting) {
    if (!outdated(start)) continue;
    controller.abort();
    round.waiting.delete(start);
  }
}

/** Where the pages begin that rows from `first` to before `last` are on. */
function startsOf(first, last, size) {
  const starts = [];
  for (let start = Math.floor(first / size) * size; start < last; start += size) starts.push(start);
  return starts;
}
