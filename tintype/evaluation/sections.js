// Sections of a model's evaluation that the page of an evaluation and the report of a sweep have: its metrics, its
// predictions with their pictures, and what it confuses. Their data are those of page_data.py.

import { ConfusionMatrix } from "../pages/components/confusion_matrix.js";
import { DataTable } from "../pages/components/data_table.js";
import { html, useMemo, useState } from "../pages/components/html.js";
import { counted, percent, share } from "../pages/components/numbers.js";
import { PictureGrid } from "../pages/components/picture_grid.js";
import { Section } from "../pages/components/show_page.js";

const LABELS = 4; // of one picture; longer lists are cut
const CLASSES = 500; // in a menu; of more, they are searched

/** Predictions as the sections want them, of the rows that the data hold. */
export const predictionsOf = (data) => data.rows.map((row) => prediction(data, row));

function prediction(data, [row, actual, predicted, certainty, margin, name, picture]) {
  const codes = (value) => (Array.isArray(value) ? value : [value]);
  const one = { row, actual: codes(actual), predicted: codes(predicted), certainty, margin, name: name ?? `row ${row}`, src: picture === null ? null : data.pictures[picture] };
  one.right = one.actual.length === one.predicted.length && one.actual.every((code) => one.predicted.includes(code));
  return one;
}

function named(data, codes) {
  if (codes.length === 0) return "no label";
  const names = codes.slice(0, codes.length > LABELS + 1 ? LABELS : codes.length).map((code) => data.classes[code]);
  return names.length < codes.length ? `${names.join(", ")}, ${codes.length - names.length} more` : names.join(", ");
}

/** What a grid shows of a prediction. */
function item(data, one) {
  const [actual, predicted] = [named(data, one.actual), named(data, one.predicted)];
  return {
    src: one.src,
    name: one.name,
    alt: `labelled ${actual}, predicted ${predicted}`,
    caption: `${one.right ? actual : `${actual} → ${predicted}`} ${one.certainty.toFixed(2)}`,
    mark: one.right ? "right" : "wrong",
  };
}

export function Metrics({ data, title = "Metrics" }) {
  return html`
    <${Section} title=${title} hint="An interval says how far the value could move with other images of the same kind.">
      <${DataTable} label="Metrics" rows=${data.metrics} page=${50} columns=${[
        // A long name may be broken after its words.
        { title: "metric", value: ([name]) => name, draw: ([name]) => name.split(/(?<=_)/).map((word) => html`${word}<wbr />`) },
        { title: "value", value: ([, value]) => value, draw: ([, value]) => share(value, 4), end: true },
        { title: `${percent(data.level)} interval`, value: ([, , low, high]) => (low === null ? null : high - low), draw: ([, , low, high]) => (low === null ? "" : `${share(low)} to ${share(high)}`), end: true },
        { title: "0 to 1", value: null, draw: ([, value, low, high]) => html`<${Whisker} value=${value} low=${low} high=${high} />` },
      ]} />
      ${data.undefined.length > 0 && html`<p class="hint">Without a value on this data: ${data.undefined.join(", ")}.</p>`}
    <//>`;
}

/** A value and its interval on a line from 0 to 1; nothing for what goes beyond. */
function Whisker({ value, low, high }) {
  if (Math.min(value, low ?? value) < 0 || Math.max(value, high ?? value) > 1) return null;
  return html`
    <svg class="whisker" viewBox="0 0 200 12" preserveAspectRatio="none" aria-hidden="true">
      <line x1="0" x2="200" y1="6" y2="6" />
      ${low !== null && html`<rect x=${200 * low} y="3" width=${Math.max(1, 200 * (high - low))} height="6" />`}
      <rect class="value" x=${Math.max(0, 200 * value - 1)} y="0" width="2" height="12" />
    </svg>`;
}

const VIEWS = {
  mistakes: { title: "Surest mistakes", keep: (one) => !one.right, order: (a, b) => b.certainty - a.certainty, hint: "The model is sure of these and wrong, or they are labelled wrongly." },
  doubtful: { title: "Least certain", keep: () => true, order: (a, b) => a.margin - b.margin, hint: "More images like these teach the most." },
  surest: { title: "Surest", keep: (one) => one.right, order: (a, b) => b.certainty - a.certainty, hint: "Right, and with the least doubt." },
  all: { title: "All", keep: () => true, order: (a, b) => a.row - b.row, hint: "In the order of the data." },
};

export function Predictions({ data, predictions, title = "Predictions" }) {
  const [view, setView] = useState(predictions.some(({ right }) => !right) ? "mistakes" : "all");
  const [words, setWords] = useState("");
  const [actual, setActual] = useState("");
  const [predicted, setPredicted] = useState("");
  const found = useMemo(() => {
    const wanted = words.trim().toLowerCase();
    const has = (codes, code) => code === "" || codes.includes(Number(code));
    return predictions
      .filter((one) => VIEWS[view].keep(one) && has(one.actual, actual) && has(one.predicted, predicted))
      .filter((one) => !wanted || [one.name, ...[...one.actual, ...one.predicted].map((code) => data.classes[code])].some((text) => text.toLowerCase().includes(wanted)))
      .sort(VIEWS[view].order)
      .map((one) => item(data, one));
  }, [predictions, view, words, actual, predicted]);
  const number = data.multilabel ? "The number is how far the probability furthest off is from the label." : "The number is the probability of what was predicted.";
  return html`
    <${Section} title=${title} hint=${`${VIEWS[view].hint} ${number} ${data.rows_left_out}`}>
      <div class="controls row">
        <div class="row" role="group" aria-label="Which predictions">${Object.entries(VIEWS).map(([key, { title }]) => html`
          <button type="button" key=${key} aria-pressed=${view === key} onClick=${() => setView(key)}>${title}</button>`)}</div>
        <label>Search <input type="search" placeholder="file or class" value=${words} onInput=${(event) => setWords(event.target.value)} /></label>
        ${data.classes.length <= CLASSES && html`
          <${ClassMenu} title="Labelled" data=${data} value=${actual} onValue=${setActual} />
          <${ClassMenu} title="Predicted" data=${data} value=${predicted} onValue=${setPredicted} />`}
        <span class="hint" role="status">${counted(found.length, "prediction")}</span>
      </div>
      <${PictureGrid} items=${found} none=${view === "mistakes" && !words ? "None: every image is right." : "None."} />
    <//>`;
}

function ClassMenu({ title, data, value, onValue }) {
  return html`
    <label>${title} <select value=${value} onChange=${(event) => onValue(event.target.value)}>
      <option value="">any</option>
      ${data.classes.map((name, code) => html`<option key=${code} value=${code}>${name}</option>`)}
    </select></label>`;
}

/** The predictions that a click has chosen. */
function Picked({ data, title, predictions, count }) {
  const items = useMemo(() => [...predictions].sort((a, b) => b.certainty - a.certainty).map((one) => item(data, one)), [predictions]);
  return html`
    <div role="status"><h3>${title}: ${counted(count)}</h3></div>
    ${items.length < count && html`<p class="hint">${items.length} of them are in this page.</p>`}
    <${PictureGrid} items=${items} page=${16} />`;
}

export function Classes({ data, predictions }) {
  const { support, hits, cells, cells_in_all: all } = data.confusion;
  const [picked, setPicked] = useState(cells.length > 0 ? { actual: cells[0][0], predicted: cells[0][1] } : null);
  const chosen = useMemo(() => picked && predictions.filter((one) => one.actual[0] === picked.actual && one.predicted[0] === picked.predicted), [picked]);
  const count = ({ actual, predicted }) => (actual === predicted ? hits[actual] : cells.find(([a, p]) => a === actual && p === predicted)?.[2] ?? 0);
  return html`
    <${Section} title="Confused classes" hint="Choose a cell or a row of the table to see its images.">
      <div class="side-by-side">
        <div><${ConfusionMatrix} names=${data.classes} support=${support} hits=${hits} cells=${cells} picked=${picked} onPick=${setPicked} /></div>
        <${Pairs} data=${data} picked=${picked} onPick=${setPicked} label="Most confused" heads=${["labelled", "taken for"]} />
      </div>
      ${all > cells.length && html`<p class="hint">The ${cells.length.toLocaleString("en")} most frequent of ${all.toLocaleString("en")} pairs are in this page.</p>`}
      ${picked && html`<${Picked} data=${data} predictions=${chosen} count=${count(picked)} title=${picked.actual === picked.predicted ? `${data.classes[picked.actual]}, rightly` : `${data.classes[picked.actual]} taken for ${data.classes[picked.predicted]}`} />`}
    <//>`;
}

function Pairs({ data, picked, onPick, label, heads }) {
  const { cells, support } = data.confusion;
  if (cells.length === 0) return html`<p class="hint">None.</p>`;
  return html`
    <${DataTable} label=${label} rows=${cells} page=${10} search=${([actual, predicted]) => `${data.classes[actual]} ${data.classes[predicted]}`}
      rowProps=${([actual, predicted]) => ({ class: picked?.actual === actual && picked?.predicted === predicted ? "lit" : "" })}
      columns=${[
        { title: heads[0], value: ([actual]) => data.classes[actual] },
        { title: heads[1], value: ([, predicted]) => data.classes[predicted] },
        { title: "images", value: ([, , count]) => count, end: true, draw: ([actual, predicted, count]) => html`
          <button type="button" aria-label=${`${data.classes[actual]}, ${data.classes[predicted]}: show ${counted(count)}`} onClick=${() => onPick({ actual, predicted })}>${count.toLocaleString("en")}</button>` },
        { title: "share", value: ([actual, , count]) => count / support[actual], draw: ([actual, , count]) => percent(count / support[actual]), end: true },
      ]} />`;
}

const OUTCOMES = {
  found: (one, code) => one.actual.includes(code) && one.predicted.includes(code),
  missed: (one, code) => one.actual.includes(code) && !one.predicted.includes(code),
  "wrongly predicted": (one, code) => !one.actual.includes(code) && one.predicted.includes(code),
};

export function Labels({ data, predictions }) {
  const { support, hits, wrong, cells } = data.confusion;
  const [picked, setPicked] = useState(null);
  const rows = data.classes.map((name, code) => ({ name, code, images: support[code], found: hits[code], missed: support[code] - hits[code], "wrongly predicted": wrong[code] }));
  const pick = (code, outcome) => setPicked({
    title: `${data.classes[code]}, ${outcome}`, count: rows[code][outcome], predictions: predictions.filter((one) => OUTCOMES[outcome](one, code)),
  });
  const pair = ({ actual, predicted }) => setPicked({
    actual, predicted, title: `${data.classes[actual]} missed, ${data.classes[predicted]} predicted`, count: cells.find(([a, p]) => a === actual && p === predicted)[2],
    predictions: predictions.filter((one) => OUTCOMES.missed(one, actual) && OUTCOMES["wrongly predicted"](one, predicted)),
  });
  const outcome = (title) => ({ title, value: (row) => row[title], end: true, draw: (row) => html`
    <button type="button" disabled=${row[title] === 0} aria-label=${`${row.name}, ${title}: ${counted(row[title])}`} onClick=${() => pick(row.code, title)}>${row[title].toLocaleString("en")}</button>` });
  const part = (row, key) => ({ width: `${(100 * row[key]) / Math.max(row.images, 1)}%` });
  return html`
    <${Section} title="Labels found and missed" hint="Choose a number to see its images.">
      <div class="side-by-side">
        <${DataTable} label="Labels found and missed" rows=${rows} search=${({ name }) => name} columns=${[
          { title: "label", value: ({ name }) => name },
          { title: "images", value: ({ images }) => images, end: true },
          ...Object.keys(OUTCOMES).map(outcome),
          { title: html`<span class="unseen">as a bar</span>`, value: null, draw: (row) => html`<span class="outcomes" aria-hidden="true"><span class="found" style=${part(row, "found")}></span><span class="missed" style=${part(row, "missed")}></span></span>` },
        ]} />
        <div><h3>Labels missed, and others predicted in their place</h3>
          <${Pairs} data=${data} picked=${picked} onPick=${pair} label="Labels missed, and others predicted in their place" heads=${["missed", "predicted"]} /></div>
      </div>
      ${picked && html`<${Picked} data=${data} ...${picked} />`}
    <//>`;
}
