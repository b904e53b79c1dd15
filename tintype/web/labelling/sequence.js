// The pictures that somebody works through, in order, a page of them shown; which one is current, which are selected.

import { Observable } from "../shared/html.js";

export const SIZES = [1, 4, 9, 16, 36];

/** A picture of the server, and what is known of it here alone. */
export function itemOf(picture) {
  return {
    ...picture,
    /** The state in which the project's counts know it. */
    counted: picture.state,
    /** "label", "skip" or null: what was answered here, be it saved or not. */
    answered: null,
    /** Actions about it on their way. */
    unsaved: 0,
    /** Multi-label: labels that are not confirmed yet. */
    draft: null,
    /** Of a refused action. */
    note: "",
  };
}

export class Sequence extends Observable {
  items = [];
  size;
  /** Places in `items`. */
  start = 0;
  current = 0;
  /** Ids. */
  selected = new Set();
  /** Where a selection by Shift began. */
  #anchor = null;
  /** When the current picture came into sight, in milliseconds. */
  shownAt = performance.now();

  /** `selectPages`: whether all that is not answered of a page is selected when it comes into sight. */
  constructor(size, { selectPages = false } = {}) {
    super();
    this.size = size;
    this.selectPages = selectPages;
  }

  get page() {
    return this.items.slice(this.start, this.start + this.size);
  }

  get item() {
    return this.items[this.current] ?? null;
  }

  find(id) {
    return this.items.find((item) => item.id === id) ?? null;
  }

  /** What an action is about: the selected pictures of the page, else the current one. */
  get targets() {
    const chosen = this.page.filter((item) => this.selected.has(item.id));
    return chosen.length || !this.item ? chosen : [this.item];
  }

  /** Put pictures behind the others; of those that are there, what is not answered here is brought up to date. */
  append(pictures) {
    const known = new Map(this.items.map((item) => [item.id, item]));
    const atEnd = this.current >= this.items.length;
    for (const picture of pictures) {
      const item = known.get(picture.id);
      if (!item) {
        if (this.selectPages && this.items.length < this.start + this.size) this.selected.add(picture.id);
        this.items.push(itemOf(picture));
      } else if (!item.answered && !item.unsaved) Object.assign(item, picture, { counted: picture.state });
    }
    if (atEnd) this.shownAt = performance.now();
    this.changed();
  }

  /** Put a picture before the current one, which it becomes. */
  insert(picture) {
    this.items.splice(this.current, 0, itemOf(picture));
    this.go(this.current);
  }

  resize(size) {
    this.size = size;
    this.go(this.current);
  }

  /** Make the picture at a place the current one; `extend` selects all from where the selection began. */
  go(place, { extend = false } = {}) {
    // A selection stays in sight.
    const [lowest, highest] = extend ? [this.start, this.start + this.size - 1] : [0, Infinity];
    const target = Math.max(lowest, Math.min(place, this.items.length - 1, highest));
    if (extend) {
      this.#anchor ??= this.current;
      const [low, high] = [this.#anchor, target].sort((a, b) => a - b);
      this.selected = new Set(this.items.slice(low, high + 1).map((item) => item.id));
    } else {
      this.#anchor = null;
    }
    if (target !== this.current) this.shownAt = performance.now();
    this.current = target;
    const start = Math.floor(target / this.size) * this.size;
    if (start !== this.start) {
      this.start = start;
      this.selected = new Set();
      if (this.selectPages) this.#selectPage();
    }
    this.changed();
  }

  move(step, options) {
    this.go(this.current + step, options);
  }

  turn(pages) {
    const start = this.start + pages * this.size;
    if (start >= 0 && start < this.items.length) this.go(start);
  }

  toggle(item) {
    if (!this.selected.delete(item.id)) this.selected.add(item.id);
    this.go(this.items.indexOf(item));
  }

  select(items) {
    this.selected = new Set(items.map((item) => item.id));
    this.#anchor = null;
    this.changed();
  }

  /** Go to the next picture that is not answered: of this page, else of those behind, else of those before. */
  advance() {
    this.selected = new Set();
    this.#anchor = null;
    const open = (from, to) => {
      for (let place = from; place < to; place++) if (!this.items[place].answered) return place;
      return -1;
    };
    const end = Math.min(this.start + this.size, this.items.length);
    const ways = [[this.current + 1, end], [this.start, this.current + 1], [end, this.items.length], [0, this.start]];
    const next = ways.map(([from, to]) => open(from, Math.min(to, this.items.length))).find((place) => place >= 0);
    this.shownAt = performance.now();
    if (next === undefined) this.changed();
    else this.go(next);
  }

  #selectPage() {
    this.selected = new Set(this.page.filter((item) => !item.answered).map((item) => item.id));
  }
}
