// A page of pictures: a grid for keyboards and screen readers, with a frame to drag around pictures to select.

import { html, percent, useEffect, useLayoutEffect, useRef, useState } from "../shared/html.js";
import { answerOf, Colour } from "./labels.js";
import { sideFor, thumbnailUrl } from "./pictures_ahead.js";
import { LargePicture } from "./large_picture.js";

const WIDE = { 1: 1, 4: 2, 9: 3, 16: 4, 36: 6 };
const NARROW = { 1: 1, 4: 2, 9: 3, 16: 4, 36: 4 };
const TRIES = 4;
const RETRY_MS = 1500;
const narrow = matchMedia("(max-width: 700px)");

/** Pictures beside each other. */
export const columnsOf = (size) => (narrow.matches ? NARROW : WIDE)[size];

/** Let the focus follow the current picture, unless something outside of the grid has it. */
export function focusCurrent() {
  const grid = document.querySelector(".grid");
  const active = document.activeElement;
  if (!grid || (active && active !== document.body && !grid.contains(active))) return;
  const cell = grid.querySelector('[tabindex="0"]');
  if (cell !== active) cell?.focus();
}

/**
 * `onPress(item, event)` is called for a click, `onOpen(item)` for a double one, `onFrame(items)` for a frame that
 * was dragged.
 */
export function PictureGrid({ project, sequence, view, onPress, onOpen, onFrame, name }) {
  const grid = useRef(null);
  const [, redraw] = useState(0);
  useEffect(() => {
    const again = () => redraw((count) => count + 1);
    narrow.addEventListener("change", again);
    return () => narrow.removeEventListener("change", again);
  }, []);
  useLayoutEffect(focusCurrent, [sequence.item?.id, sequence.start, sequence.size]);
  const columns = columnsOf(sequence.size);
  const page = sequence.page;
  const rows = [];
  for (let from = 0; from < Math.max(page.length, 1); from += columns) rows.push(page.slice(from, from + columns));
  const count = Math.ceil(sequence.size / columns);
  return html`
    <div class=${`grid size-${sequence.size}`} role="grid" aria-label=${name} aria-multiselectable="true" ref=${grid}
      style=${{ "--columns": columns, "--rows": count }} onPointerDown=${(event) => sequence.size > 1 && startFrame(event, grid.current, sequence, onFrame)}>
      ${rows.map((row, place) => html`
        <div role="row" key=${place}>
          ${row.map((item) => html`
            <${Cell} key=${item.id} project=${project} item=${item} size=${sequence.size} view=${view}
              current=${item === sequence.item} selected=${sequence.selected.has(item.id)} onPress=${onPress} onOpen=${onOpen}
              stamp=${stampOf(item)} />`)}
        </div>`)}
    </div>`;
}

/** Text that differs where a cell is to be drawn anew. */
const stampOf = (item) => [item.answered, item.unsaved, item.state, item.labels, item.draft, item.flagged, item.note, item.suggestion?.labels, item.suggestion?.confidence].join("|");

function Cell({ project, item, size, view, current, selected, onPress, onOpen }) {
  // Whether the picture is at fault or the server was away: it is asked for again a few times.
  const [failures, setFailures] = useState(0);
  const [waiting, setWaiting] = useState(false);
  const failed = () => {
    setWaiting(true);
    if (failures >= TRIES || item.fault) return;
    setTimeout(() => {
      setFailures(failures + 1);
      setWaiting(false);
    }, RETRY_MS * (failures + 1));
  };
  const url = `${thumbnailUrl(project.name, item.id, sideFor(size))}${failures ? `&again=${failures}` : ""}`;
  const picture = waiting
    ? html`<p class="broken">This picture cannot be read.</p>`
    : size === 1
      ? html`<${LargePicture} project=${project.name} item=${item} view=${view} small=${url} onBroken=${failed} />`
      : html`<img src=${url} alt="" decoding="sync" draggable=${false} onError=${failed} />`;
  return html`
    <div role="gridcell" class=${`cell ${item.answered ?? "open"} ${item.draft ? "drafted" : ""}`} data-id=${item.id} tabindex=${current ? 0 : -1}
      aria-selected=${selected} aria-current=${current ? "true" : undefined} aria-label=${spoken(item)}
      onClick=${(event) => onPress(item, event)} onDblClick=${() => onOpen(item)}>
      <div class="frame">${picture}</div>
      <${Caption} project=${project} item=${item} />
    </div>`;
}

function Caption({ project, item }) {
  const colours = new Map(project.labels.map(({ name, colour }) => [name, colour]));
  const names = item.draft ?? item.labels;
  const suggestion = item.suggestion;
  const proposed = !item.answered && !item.draft && suggestion && suggestion.labels.join() !== names.join();
  return html`
    <div class="caption" aria-hidden="true">
      ${item.flagged && html`<span class="mark" title="Flagged">⚑</span>`}
      ${item.note && html`<span class="mark" title=${item.note}>!</span>`}
      ${item.answered === "skip" && html`<span class="chip">skipped</span>`}
      ${names.map((name) => html`<span key=${name} class="chip"><${Colour} colour=${colours.get(name) ?? "#888888"} />${name.split("/").at(-1)}</span>`)}
      ${item.answered === "label" && !names.length && html`<span class="chip">none</span>`}
      ${proposed && (suggestion.labels.length ? suggestion.labels : ["none"]).map((name) => html`<span key=${name} class="chip proposal"><${Colour} colour=${colours.get(name) ?? "#888888"} />${name.split("/").at(-1)}</span>`)}
      ${proposed && suggestion.confidence !== null && html`<span class="confidence">${percent(suggestion.confidence)}</span>`}
      ${toCompare(item).map((given) => html`<span key=${given.person} class="given" title=${`${given.person}: ${answerOf(given)}`}><b>${given.person}</b> ${answerOf(given)}</span>`)}
    </div>`;
}

/** What people said of a picture, where that is to be compared: several did, and no reviewer has decided yet. */
const toCompare = (item) => (item.answered || !(item.answers?.length > 1) ? [] : item.answers);

/** What a screen reader says of a picture. */
function spoken(item) {
  const parts = [item.name];
  if (item.answered === "skip") parts.push("skipped");
  else if (item.draft) parts.push(`${item.draft.join(", ") || "no label"}, not confirmed`);
  else if (item.labels.length || item.answered) parts.push(`labelled ${item.labels.join(", ") || "none"}`);
  else parts.push("not labelled");
  if (item.suggestion && !item.answered && !item.draft) parts.push(`suggested ${item.suggestion.labels.join(", ") || "none"}${item.suggestion.confidence === null ? "" : `, ${percent(item.suggestion.confidence)}`}`);
  for (const given of toCompare(item)) parts.push(`${given.person} says ${answerOf(given)}`);
  if (item.flagged) parts.push("flagged");
  if (item.note) parts.push(item.note);
  return parts.join(", ");
}

/** Follow a mouse or pen that drags a frame. Fingers scroll. */
function startFrame(event, grid, sequence, onFrame) {
  if (event.button !== 0 || event.pointerType === "touch" || event.shiftKey || event.ctrlKey || event.metaKey) return;
  const [x, y] = [event.clientX, event.clientY];
  let frame = null;
  const box = ({ clientX, clientY }) => ({ left: Math.min(x, clientX), top: Math.min(y, clientY), right: Math.max(x, clientX), bottom: Math.max(y, clientY) });
  const move = (moved) => {
    const { left, top, right, bottom } = box(moved);
    if (!frame && right - left < 6 && bottom - top < 6) return;
    if (!frame) {
      frame = document.createElement("div");
      frame.className = "lasso";
      document.body.append(frame);
    }
    Object.assign(frame.style, { left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px` });
    moved.preventDefault();
  };
  const end = (ended) => {
    removeEventListener("pointermove", move);
    removeEventListener("pointerup", end);
    removeEventListener("pointercancel", end);
    if (!frame) return;
    frame.remove();
    if (ended.type === "pointercancel") return;
    const { left, top, right, bottom } = box(ended);
    const inside = [...grid.querySelectorAll(".cell")].filter((cell) => {
      const place = cell.getBoundingClientRect();
      return place.left < right && place.right > left && place.top < bottom && place.bottom > top;
    });
    // The click that follows would take the selection away again.
    const swallow = (click) => click.stopPropagation();
    addEventListener("click", swallow, { capture: true });
    setTimeout(() => {
      removeEventListener("click", swallow, { capture: true });
      onFrame(inside.map((cell) => sequence.find(Number(cell.dataset.id))).filter(Boolean));
    });
  };
  addEventListener("pointermove", move);
  addEventListener("pointerup", end);
  addEventListener("pointercancel", end);
}
