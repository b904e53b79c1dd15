// One picture as large as there is room, with zoom, rotation and brightness of the view alone.

import { pictureUrl } from "./api.js";
import { html, Observable, useEffect, useLayoutEffect, useObservable, useRef, useState } from "../shared/html.js";

const MOST_ZOOM = 16;

/** How the large picture is looked at. Brightness stays from picture to picture. */
export class View extends Observable {
  zoom = 1;
  turns = 0;
  brightness = 1;
  x = 0;
  y = 0;

  /** Where a picture begins. */
  reset() {
    Object.assign(this, { zoom: 1, turns: 0, x: 0, y: 0 });
    this.changed();
  }

  zoomBy(factor) {
    this.zoom = Math.max(1, Math.min(MOST_ZOOM, this.zoom * factor));
    if (this.zoom === 1) Object.assign(this, { x: 0, y: 0 });
    this.changed();
  }

  turn(quarters) {
    this.turns += quarters;
    this.changed();
  }

  brighten(step) {
    this.brightness = Math.round(Math.max(0.25, Math.min(4, this.brightness * (step > 0 ? 1.25 : 0.8))) * 100) / 100;
    this.changed();
  }

  pan(x, y) {
    this.x += x;
    this.y += y;
    this.changed();
  }

  get transform() {
    return `translate(${this.x}px, ${this.y}px) rotate(${this.turns * 90}deg) scale(${this.zoom})`;
  }
}

/** `small` is the address of a copy that shows at once; the picture in full is fetched when it is zoomed. */
export function LargePicture({ project, item, view, small, onBroken }) {
  useObservable(view);
  const [full, setFull] = useState(false);
  const node = useRef(null);
  // Before the picture is seen: a key that follows at once must not be undone.
  useLayoutEffect(() => view.reset(), [item.id]);
  useEffect(() => {
    if (view.zoom === 1 || full) return undefined;
    const url = pictureUrl(project, item.id, "image");
    const image = new Image();
    image.src = url;
    let wanted = true;
    image.decode().then(() => wanted && setFull(true), () => {});
    return () => { wanted = false; };
  }, [view.zoom === 1, full]);
  useEffect(() => {
    const wheel = (event) => {
      if (!event.ctrlKey && view.zoom === 1) return;
      event.preventDefault();
      view.zoomBy(event.deltaY < 0 ? 1.15 : 1 / 1.15);
    };
    const { current } = node;
    current.addEventListener("wheel", wheel, { passive: false });
    return () => current.removeEventListener("wheel", wheel);
  }, []);
  const drag = (event) => {
    if (view.zoom === 1 || event.button !== 0) return;
    event.preventDefault();
    const { currentTarget } = event;
    currentTarget.setPointerCapture(event.pointerId);
    const move = ({ movementX, movementY }) => view.pan(movementX, movementY);
    const end = () => currentTarget.removeEventListener("pointermove", move);
    currentTarget.addEventListener("pointermove", move);
    currentTarget.addEventListener("pointerup", end, { once: true });
    currentTarget.addEventListener("pointercancel", end, { once: true });
  };
  return html`
    <div class=${`large ${view.zoom > 1 ? "zoomed" : ""}`} ref=${node} onPointerDown=${drag}>
      <img src=${full ? pictureUrl(project, item.id, "image") : small} alt="" decoding="sync" draggable=${false} onError=${onBroken}
        style=${{ transform: view.transform, filter: view.brightness === 1 ? "none" : `brightness(${view.brightness})` }} />
    </div>`;
}

/** The same by buttons. */
export function ViewControls({ view }) {
  useObservable(view);
  const button = (name, sign, act) => html`<button type="button" class="quiet" aria-label=${name} title=${name} onClick=${act}>${sign}</button>`;
  return html`
    <div class="view-controls" role="group" aria-label="View of the large picture">
      ${button("Zoom in", "+", () => view.zoomBy(1.5))}
      ${button("Zoom out", "−", () => view.zoomBy(1 / 1.5))}
      ${button("Rotate left", "⟲", () => view.turn(-1))}
      ${button("Rotate right", "⟳", () => view.turn(1))}
      ${button("Darker", "◑", () => view.brighten(-1))}
      ${button("Brighter", "☀", () => view.brighten(1))}
      ${button("As it was", "1:1", () => { view.brightness = 1; view.reset(); })}
    </div>`;
}
