// Pictures that are fetched and decoded before they are shown, so that the next one is there at once.

import { pictureUrl } from "./api.js";

const MOST_KEPT = 160;

/** The side of the small copy that suits a page of so many pictures on this screen. */
export function sideFor(size) {
  if (size === 1) return 1024;
  const width = (globalThis.innerWidth * (globalThis.devicePixelRatio || 1)) / Math.sqrt(size);
  return width > 700 ? 1024 : width > 340 ? 512 : 256;
}

export const thumbnailUrl = (project, id, side) => pictureUrl(project, id, `thumbnail?side=${side}`);

export class PicturesAhead {
  #kept = new Map();

  /** Fetch and decode what the next two pages show; the nearest first. */
  want(project, sequence) {
    const side = sideFor(sequence.size);
    const ahead = Math.max(2 * sequence.size, 12);
    const from = sequence.size === 1 ? sequence.current : sequence.start;
    for (const item of sequence.items.slice(from, from + sequence.size + ahead)) this.#fetch(thumbnailUrl(project, item.id, side));
  }

  #fetch(url) {
    if (this.#kept.has(url)) return;
    const image = new Image();
    image.decoding = "async";
    image.src = url;
    // A picture that cannot be read says so where it is shown.
    image.decode().catch(() => {});
    this.#kept.set(url, image);
    if (this.#kept.size > MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value);
  }
}
