// The keys of the page. Plain digits and letters are the labels'; commands have other keys, or Shift and a letter,
// so that no label can take a command's key away.

import { html, Observable } from "../shared/html.js";
import { Dialog } from "../shared/dialog.js";

const SWITCH = "tintype-single-keys";

/** Whether single keys do anything: who speaks to the computer, or strays over keys, can turn them off. */
class SingleKeys extends Observable {
  on = localStorage.getItem(SWITCH) !== "off";

  turn(on) {
    this.on = on;
    localStorage.setItem(SWITCH, on ? "on" : "off");
    this.changed();
  }
}

export const singleKeys = new SingleKeys();

const PLAIN = {
  ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down",
  Home: "first", End: "last", PageUp: "previous page", PageDown: "next page",
  " ": "take suggestion", Enter: "confirm", Escape: "unselect", Delete: "clear", Backspace: "clear",
  0: "large", "?": "help", "/": "search",
  "+": "zoom in", "=": "zoom in", "-": "zoom out", "]": "rotate right", "[": "rotate left", ">": "brighter", ".": "brighter", "<": "darker", ",": "darker",
};
const SHIFTED = { s: "skip", f: "flag", c: "comment", x: "select", m: "similar", r: "reject", i: "instructions", h: "history" };
const CONTROL = { z: "undo", y: "redo", a: "select all" };
const EXTENDING = new Set(["left", "right", "up", "down", "first", "last"]);

// Where keys are for what has the focus.
const TYPING = "input, textarea, select, dialog, [contenteditable]";
const PRESSED_BY = "button, a, summary";

/**
 * What a key asks for: `{command, extend}`, `{label}` or null.
 *
 * `labels` by their keys; where z or y are none of these they undo and redo without Ctrl, too.
 */
export function meaningOf(event, labels) {
  if (event.altKey || event.isComposing || event.target.closest?.(TYPING) || document.querySelector("dialog[open]")) return null;
  const letter = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.ctrlKey || event.metaKey) {
    if (letter === "z" && event.shiftKey) return { command: "redo" };
    return CONTROL[letter] ? { command: CONTROL[letter] } : null;
  }
  if ((event.key === " " || event.key === "Enter") && event.target.closest?.(PRESSED_BY)) return null;
  if (!singleKeys.on && event.key.length === 1 && event.key !== " ") return null;
  if (event.shiftKey && SHIFTED[letter]) return { command: SHIFTED[letter] };
  // Some keyboards have digits with Shift.
  if ((!event.shiftKey || /^[1-9]$/.test(letter)) && labels.has(letter)) return { label: labels.get(letter) };
  if (!event.shiftKey && (letter === "z" || letter === "y")) return { command: letter === "z" ? "undo" : "redo" };
  const command = PLAIN[event.key];
  return command ? { command, extend: event.shiftKey && EXTENDING.has(command) } : null;
}

const TABLE = [
  ["1 to 9, letters", "the label with that key, for the selected pictures or the current one"],
  ["Space", "take the suggestion (in a review: the proposal)"],
  ["Enter", "several labels a picture: confirm, also none; one label: large picture, and back; review: accept"],
  ["Arrows, Home, End", "to another picture"],
  ["Page Up, Page Down", "to another page"],
  ["Shift + arrows, Shift + X, Ctrl + A", "select several, this one, all in sight; the mouse: Shift + click, Ctrl + click, or drag a frame"],
  ["Escape", "select none"],
  ["z or Ctrl + Z, y or Ctrl + Y", "undo, redo (plain z and y where no label has them)"],
  ["Delete", "take the labels away"],
  ["Shift + S", "skip, with a reason"],
  ["Shift + F, Shift + C", "flag, comment"],
  ["Shift + M", "more pictures like this one"],
  ["Shift + H", "history and comments of the picture"],
  ["Shift + R", "review: reject, back to the queue"],
  ["Shift + I", "instructions"],
  ["0", "one large picture, and back"],
  ["+ and -, [ and ], < and >", "large picture: zoom, rotate, brightness (of the view alone)"],
  ["/", "find a label by typing"],
  ["?", "this help"],
];

export function KeysDialog({ onClose }) {
  return html`
    <${Dialog} title="Keys" onClose=${onClose} wide>
      <table class="keys">
        <tbody>${TABLE.map(([keys, what]) => html`<tr key=${keys}><th scope="row">${keys}</th><td>${what}</td></tr>`)}</tbody>
      </table>
      <p><label><input type="checkbox" checked=${singleKeys.on} onChange=${(event) => singleKeys.turn(event.target.checked)} /> Single keys are on</label></p>
    <//>`;
}
