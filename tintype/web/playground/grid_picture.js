// The picture that explains an answer: a grid of four of one size, cut apart and laid over each other.

import { html, useLayoutEffect, useRef } from "../shared/html.js";
import { NOT_UNDERSTOOD, Refusal } from "./exchange.js";

// Pixels around and between the four, as tintype/explaining/pictures.py draws them.
const GAP = 8;

// Column and row of each.
const PLACES = { input: [0, 0], heat: [1, 0], overlay: [0, 1], top: [1, 1] };

/** What may lie over the input. */
export const VIEWS = { overlay: "Overlay", heat: "Heat map", top: "Top 30 %" };

/** The grid in `png` (base64): `{image, width, height}`, the size being that of one of the four. */
export async function gridOf(png) {
  const image = new Image();
  image.src = `data:image/png;base64,${png}`;
  try {
    await image.decode();
  } catch {
    throw new Refusal(NOT_UNDERSTOOD);
  }
  const [width, height] = [image.naturalWidth, image.naturalHeight].map((side) => (side - 3 * GAP) / 2);
  if (!(width >= 1 && height >= 1)) throw new Refusal(NOT_UNDERSTOOD);
  return { image, width, height };
}

/** The input as the model sees it under a view of VIEWS; `opacity`: percent. */
export function GridPicture({ grid, view, opacity, label }) {
  return html`
    <div class="grid-picture" role="img" aria-label=${label}>
      <${Layer} grid=${grid} place="input" opacity=${100} />
      <${Layer} grid=${grid} place=${view} opacity=${opacity} />
    </div>`;
}

function Layer({ grid, place, opacity }) {
  const canvas = useRef(null);
  useLayoutEffect(() => {
    const { image, width, height } = grid;
    const [column, row] = PLACES[place];
    Object.assign(canvas.current, { width, height });
    canvas.current.getContext("2d").drawImage(image, GAP + column * (width + GAP), GAP + row * (height + GAP), width, height, 0, 0, width, height);
  }, [grid, place]);
  return html`<canvas ref=${canvas} aria-hidden="true" style=${{ opacity: opacity / 100 }}></canvas>`;
}
