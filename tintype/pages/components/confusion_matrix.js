// A confusion matrix: true classes in rows, predicted ones in columns. Of many classes a part is shown at a time: those
// that are confused most, and those that are searched for. A cell is chosen by a click, or by the arrow keys and Enter.

import { html, useMemo, useRef, useState } from "./html.js";
import { percent } from "./numbers.js";

// Beyond so many classes a matrix cannot be read: a part is shown.
const WHOLE = 40;
const PART = 16;
const MOST = 30;
const FOUND = 12;
const PARTNERS = 5;
const SMALL = 20;

/**
 * names: of the classes; support, hits: images of each class, and those of them that are right.
 * cells: `[true, predicted, count]` off the diagonal, the most frequent first.
 * picked: `{actual, predicted}` or null, onPick(the same).
 */
export function ConfusionMatrix({ names, support, hits, cells, picked, onPick }) {
  const counts = useMemo(() => new Map(cells.map(([actual, predicted, count]) => [actual * names.length + predicted, count])), [cells]);
  const [part, setPart] = useState(() => (names.length <= WHOLE ? names.map((_, code) => code) : mostConfused(cells, support)));
  const count = (actual, predicted) => (actual === predicted ? hits[actual] : counts.get(actual * names.length + predicted) ?? 0);
  return html`
    ${names.length > WHOLE && html`<${Choice} names=${names} cells=${cells} support=${support} part=${part} onPart=${setPart} />`}
    <${Grid} names=${names} part=${part} support=${support} count=${count} picked=${picked} onPick=${onPick} />
    <p class="axis-note">Rows are the true classes, columns the predicted ones; a cell is shaded by its share of the row.</p>`;
}

function Grid({ names, part, support, count, picked, onPick }) {
  const body = useRef(null);
  const [at, setAt] = useState([0, 0]);
  const here = [Math.min(at[0], part.length - 1), Math.min(at[1], part.length - 1)];
  const pick = (actual, predicted) => count(actual, predicted) > 0 && onPick({ actual, predicted });
  const pressed = (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (event.key === "Enter" || event.key === " ") pick(part[here[0]], part[here[1]]);
    else if (step) {
      const next = here.map((value, axis) => Math.max(0, Math.min(part.length - 1, value + step[axis])));
      setAt(next);
      body.current.rows[next[0]].cells[next[1] + 1].focus();
    } else return;
    event.preventDefault();
  };
  return html`
    <div class="scroll">
      <table class=${part.length > SMALL ? "matrix small" : "matrix"} role="grid" aria-label="Confusion matrix">
        <thead><tr><th scope="col"><span class="unseen">true class</span></th>${part.map((code) => html`<th scope="col" key=${code} title=${names[code]}><span>${names[code]}</span></th>`)}</tr></thead>
        <tbody ref=${body} onKeyDown=${pressed}>${part.map((actual, row) => html`
          <tr key=${actual}><th scope="row" title=${names[actual]}>${names[actual]}</th>${part.map((predicted, column) => {
            const value = count(actual, predicted);
            const share = value / Math.max(support[actual], 1);
            const chosen = picked?.actual === actual && picked?.predicted === predicted;
            return html`<td role="gridcell" class=${`${actual === predicted ? "right" : ""}${value ? " some" : ""}`} style=${{ "--share": share }}
              tabindex=${here[0] === row && here[1] === column ? 0 : -1} aria-selected=${chosen}
              aria-label=${`${names[actual]} taken for ${names[predicted]}: ${value}, ${percent(share)} of the row`}
              onFocus=${() => setAt([row, column])} onClick=${() => pick(actual, predicted)}>${value || ""}</td>`;
          })}</tr>`)}
        </tbody>
      </table>
    </div>`;
}

/** Which classes of many are shown. */
function Choice({ names, cells, support, part, onPart }) {
  const [words, setWords] = useState("");
  const wanted = words.trim().toLowerCase();
  const found = useMemo(() => {
    if (!wanted) return [];
    const codes = [];
    for (let code = 0; code < names.length && codes.length < FOUND; code += 1) if (names[code].toLowerCase().includes(wanted)) codes.push(code);
    return codes;
  }, [wanted]);
  const add = (code) => {
    const with_ = [code, ...partners(code, cells), ...part];
    onPart([...new Set(with_)].slice(0, MOST).sort((a, b) => a - b));
    setWords("");
  };
  return html`
    <div class="controls row">
      <label>Add a class <input type="search" value=${words} onInput=${(event) => setWords(event.target.value)} /></label>
      <button type="button" onClick=${() => onPart(mostConfused(cells, support))}>Most confused</button>
      <span class="hint" role="status">${part.length} of ${names.length.toLocaleString("en")} classes are shown.</span>
    </div>
    ${wanted && html`<div class="row" role="group" aria-label="Classes found">
      ${found.map((code) => html`<button type="button" key=${code} onClick=${() => add(code)}>${names[code]}</button>`)}
      ${found.length === 0 && html`<span class="hint" role="status">No class has this in its name.</span>`}
    </div>`}`;
}

/** The classes of the most frequent confusions; where there are few of those, frequent classes beside them. */
function mostConfused(cells, support) {
  const codes = new Set();
  for (const [actual, predicted] of cells) {
    if (codes.size + 2 > PART) break;
    codes.add(actual).add(predicted);
  }
  if (codes.size < PART) {
    const frequent = support.map((value, code) => [value, code]).sort((a, b) => b[0] - a[0]).slice(0, PART);
    for (const [, code] of frequent) if (codes.size < PART) codes.add(code);
  }
  return [...codes].sort((a, b) => a - b);
}

/** The classes that one is confused with most. */
function partners(code, cells) {
  const found = [];
  for (const [actual, predicted] of cells) {
    if (found.length === PARTNERS) break;
    if (actual === code) found.push(predicted);
    else if (predicted === code) found.push(actual);
  }
  return found;
}
