// Where the pictures of a sequence come from, fetched before they are needed.

import { ask, projectPath, Unreachable } from "./api.js";

const MOST_AT_ONCE = 200;
const LEAST_AHEAD = 20;
const RETRY_MS = 3000;

/** Keeps a sequence two pages ahead by what `more(wanted)` gives: `{pictures, done}`. */
export class Feed {
  /** Whether there are no more. */
  done = false;
  error = null;
  #loading = false;

  constructor(sequence, more) {
    this.sequence = sequence;
    this.more = more;
  }

  get loading() {
    return this.#loading;
  }

  /** Fetch, where fewer than two pages are left behind the one in sight. */
  async ensure() {
    const { items, start, size } = this.sequence;
    const ahead = Math.max(2 * size, LEAST_AHEAD);
    const left = items.length - (start + size);
    if (this.#loading || this.done || this.error || left >= ahead) return;
    this.#loading = true;
    try {
      const { pictures, done } = await this.more(ahead - left);
      this.done = done;
      this.#loading = false;
      this.sequence.append(pictures);
    } catch (error) {
      this.#loading = false;
      this.error = error;
      if (error instanceof Unreachable) setTimeout(() => this.error === error && this.again(), RETRY_MS);
      this.sequence.changed();
    }
  }

  /** Try again, after an error or where more may have come. */
  again() {
    this.error = null;
    this.done = false;
    this.ensure();
  }
}

/** Pictures to label, in an order of the assistant. */
export function tasksOf(project, sequence, outbox, order) {
  return async (wanted) => {
    const held = sequence.items.filter((item) => !item.answered).length;
    const waiting = outbox.pictures(project);
    const count = Math.min(MOST_AT_ONCE, held + waiting.size + wanted);
    const { pictures } = await ask("POST", projectPath(project, "/tasks"), { count, order });
    const sent = outbox.pictures(project);
    const open = pictures.filter(({ id }) => !waiting.has(id) && !sent.has(id));
    const news = open.filter(({ id }) => !sequence.find(id));
    return { pictures: open, done: news.length === 0 && pictures.length < MOST_AT_ONCE };
  };
}

/** Pictures by their ids, in that order; `extra` by id is laid over what the server says of them. */
export function picturesOf(project, ids, extra = new Map()) {
  let next = 0;
  return async (wanted) => {
    const part = ids.slice(next, next + Math.min(wanted, MOST_AT_ONCE));
    const pictures = await picturesById(project, part);
    next += part.length;
    return { pictures: pictures.map((picture) => ({ ...picture, ...extra.get(picture.id) })), done: next >= ids.length };
  };
}

export async function picturesById(project, ids, signal) {
  if (!ids.length) return [];
  const { pictures } = await ask("GET", projectPath(project, "/pictures", { id: ids, limit: Math.max(1, ids.length) }), undefined, { signal });
  return pictures;
}

/** Pictures of a filter, in the order of ids. */
export function filteredOf(project, filter) {
  let after = 0;
  return async (wanted) => {
    const { pictures, next } = await ask("GET", projectPath(project, "/pictures", { ...filter, after, limit: Math.min(wanted, MOST_AT_ONCE) }));
    after = next;
    return { pictures, done: next === null };
  };
}
