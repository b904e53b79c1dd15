// Points on a canvas: moved, zoomed, pointed at, and chosen by a lasso. It knows places and colours, not pictures.

const RADIUS = 3.2;
const NEAR = 14;
const MARGIN = 16;
const MOST_ZOOM = 60;

export class MapCanvas {
  /** `hover(index, x, y)` is called with -1 where nothing is near; `lassoed(indices)`, `opened(index)`. */
  constructor(canvas, { hover, lassoed, opened }) {
    Object.assign(this, { canvas, hover, lassoed, opened });
    this.context = canvas.getContext("2d");
    this.points = { x: [], y: [], colours: [], dim: [] };
    this.zoom = 1;
    this.shift = { x: 0, y: 0 };
    this.mode = "lasso";
    this.at = -1;
    this.path = null;
    this.pointers = new Map();
    const on = (name, listener, options) => canvas.addEventListener(name, listener, options);
    on("pointerdown", (event) => this.#down(event));
    on("pointermove", (event) => this.#move(event));
    on("pointerup", (event) => this.#up(event));
    on("pointercancel", (event) => this.#up(event, true));
    on("pointerleave", () => this.pointers.size || this.#point(-1));
    on("wheel", (event) => {
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
    }, { passive: false });
    on("dblclick", () => this.at >= 0 && this.opened(this.at));
    on("keydown", (event) => this.#key(event));
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(canvas);
  }

  close() {
    this.observer.disconnect();
    cancelAnimationFrame(this.frame);
  }

  /** points: `{x, y, colours, dim}`, places from 0 to 1; `dim` ones are drawn faintly and are not chosen. */
  show(points) {
    this.points = points;
    this.draw();
  }

  whole() {
    this.zoom = 1;
    this.shift = { x: 0, y: 0 };
    this.draw();
  }

  /** The indices of points that are in sight. */
  inSight() {
    const { width, height } = this.#size();
    return this.#where((x, y) => x >= 0 && y >= 0 && x <= width && y <= height);
  }

  zoomBy(factor, x = this.#size().width / 2, y = this.#size().height / 2) {
    const next = Math.min(MOST_ZOOM, Math.max(1, this.zoom * factor));
    const change = next / this.zoom;
    this.shift = { x: x - (x - this.shift.x) * change, y: y - (y - this.shift.y) * change };
    this.zoom = next;
    this.draw();
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.#draw());
  }

  #size() {
    return { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
  }

  #scale() {
    const { width, height } = this.#size();
    const side = Math.max(1, Math.min(width, height) - 2 * MARGIN);
    return { side, left: (width - side) / 2, top: (height - side) / 2 };
  }

  #place(index, { side, left, top } = this.#scale()) {
    return {
      x: (left + this.points.x[index] * side) * this.zoom + this.shift.x,
      y: (top + this.points.y[index] * side) * this.zoom + this.shift.y,
    };
  }

  #where(inside) {
    const found = [];
    const scale = this.#scale();
    for (let index = 0; index < this.points.x.length; index += 1) {
      const { x, y } = this.#place(index, scale);
      if (!this.points.dim[index] && inside(x, y)) found.push(index);
    }
    return found;
  }

  #draw() {
    const { canvas, context } = this;
    const { width, height } = this.#size();
    const ratio = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    const scale = this.#scale();
    const radius = RADIUS * Math.min(2.2, Math.sqrt(this.zoom));
    for (const dim of [true, false]) {
      context.globalAlpha = dim ? 0.14 : 0.8;
      for (let index = 0; index < this.points.x.length; index += 1) {
        if (Boolean(this.points.dim[index]) !== dim) continue;
        const { x, y } = this.#place(index, scale);
        if (x < -radius || y < -radius || x > width + radius || y > height + radius) continue;
        context.fillStyle = this.points.colours[index];
        context.beginPath();
        context.arc(x, y, radius, 0, 7);
        context.fill();
      }
    }
    context.globalAlpha = 1;
    const ink = style.color;
    if (this.at >= 0 && this.at < this.points.x.length) {
      const { x, y } = this.#place(this.at, scale);
      context.strokeStyle = ink;
      context.lineWidth = 2;
      context.beginPath();
      context.arc(x, y, radius + 3, 0, 7);
      context.stroke();
    }
    if (this.path) {
      context.strokeStyle = ink;
      context.setLineDash([5, 4]);
      context.lineWidth = 1.5;
      context.beginPath();
      for (const { x, y } of this.path) context.lineTo(x, y);
      context.closePath();
      context.stroke();
      context.setLineDash([]);
    }
  }

  #point(index) {
    this.at = index;
    const { x, y } = index < 0 ? { x: 0, y: 0 } : this.#place(index);
    this.hover(index, x, y);
    this.draw();
  }

  #nearest(px, py, most = NEAR) {
    let best = -1;
    let least = most ** 2;
    const scale = this.#scale();
    for (let index = 0; index < this.points.x.length; index += 1) {
      if (this.points.dim[index]) continue;
      const { x, y } = this.#place(index, scale);
      const far = (x - px) ** 2 + (y - py) ** 2;
      if (far < least) [best, least] = [index, far];
    }
    return best;
  }

  #down(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    this.begun = { x: event.offsetX, y: event.offsetY };
    if (this.pointers.size === 2) this.path = null;
    else if (this.mode === "lasso" && !event.altKey) this.path = [{ x: event.offsetX, y: event.offsetY }];
  }

  #move(event) {
    const before = this.pointers.get(event.pointerId);
    const now = { x: event.offsetX, y: event.offsetY };
    if (!before) {
      const index = this.#nearest(now.x, now.y);
      if (index !== this.at) this.#point(index);
      return;
    }
    if (this.pointers.size === 2) {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
      const far = (place) => Math.hypot(place.x - other.x, place.y - other.y) || 1;
      this.zoomBy(far(now) / far(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
    } else if (this.path) this.path.push(now);
    else this.shift = { x: this.shift.x + now.x - before.x, y: this.shift.y + now.y - before.y };
    this.pointers.set(event.pointerId, now);
    this.draw();
  }

  #up(event, stopped = false) {
    if (!this.pointers.delete(event.pointerId)) return;
    const path = this.path;
    this.path = null;
    this.draw();
    const far = Math.hypot(event.offsetX - this.begun.x, event.offsetY - this.begun.y);
    if (path && path.length > 3 && !stopped) {
      const inside = this.#where((x, y) => within(path, x, y));
      if (inside.length) this.lassoed(inside);
    } else if (far < 4 && !stopped) this.#point(this.#nearest(event.offsetX, event.offsetY, 24));
  }

  #key(event) {
    const ways = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
    if (event.key in ways) this.#step(...ways[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoomBy(1.5);
    else if (event.key === "-") this.zoomBy(1 / 1.5);
    else if (event.key === "0") this.whole();
    else if (event.key === "Enter" && this.at >= 0) this.opened(this.at);
    else return;
    event.preventDefault();
  }

  /** To the nearest point that lies that way. */
  #step(dx, dy) {
    const { width, height } = this.#size();
    const scale = this.#scale();
    const from = this.at < 0 ? { x: width / 2, y: height / 2 } : this.#place(this.at, scale);
    let best = -1;
    let least = Infinity;
    for (let index = 0; index < this.points.x.length; index += 1) {
      if (index === this.at || this.points.dim[index]) continue;
      const { x, y } = this.#place(index, scale);
      const along = (x - from.x) * dx + (y - from.y) * dy;
      const beside = Math.abs((x - from.x) * dy) + Math.abs((y - from.y) * dx);
      if (this.at >= 0 && along <= beside) continue;
      const far = Math.abs(along) + 2 * beside;
      if (far < least) [best, least] = [index, far];
    }
    if (best < 0) return;
    const { x, y } = this.#place(best, scale);
    // Into sight.
    if (x < MARGIN || x > width - MARGIN) this.shift.x += width / 2 - x;
    if (y < MARGIN || y > height - MARGIN) this.shift.y += height / 2 - y;
    this.#point(best);
  }
}

/** Whether a place lies in a polygon: a ray from it crosses its sides an odd number of times. */
function within(path, x, y) {
  let inside = false;
  for (let at = 0, before = path.length - 1; at < path.length; before = at, at += 1) {
    const [a, b] = [path[at], path[before]];
    if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) inside = !inside;
  }
  return inside;
}
