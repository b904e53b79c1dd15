// Which rows of a table are wanted: words, splits, predictions, and labels as bars that tell how many have each.

import { ask, withQuery } from "../../../shared/api.js";
import { counted, html, useEffect, useLoaded, useRef, useState } from "../../../shared/html.js";
import { Loaded } from "../../parts/states.js";
import { setQuery } from "../../router.js";
import { NO_FILTER } from "./addresses.js";

const TYPING_MS = 250;
const SHOWN = 30;

export function Filters({ of, tableKey, summary, filter }) {
  const narrow = matchMedia("(max-width: 700px)").matches;
  const balance = useLoaded(() => ask("GET", withQuery("/table/balance", { of, key: tableKey, ...without(filter, "label") })), [of, tableKey, JSON.stringify(without(filter, "label")), summary.faults]);
  const filtered = Object.keys(filter).length > 0;
  return html`
    <details class="panel table-filters" open=${!narrow}>
      <summary>Filter${filtered && html` <span class="hint">(${Object.keys(filter).join(", ")})</span>`}</summary>
      <div class="fields">
        <${Words} value=${filter.text?.[0] ?? ""} />
        ${Object.keys(summary.splits).length > 0 && html`<${Choice} name="split" title="Split" value=${filter.split?.[0]} values=${Object.keys(summary.splits)} counts=${balance.value?.splits} />`}
        ${summary.predictions && html`
          <${Choice} name="prediction" title="Prediction" value=${filter.prediction?.[0]} values=${balance.value?.labels.map(({ label }) => label) ?? []} />
          <fieldset class="bounds"><legend>Confidence, 0 to 1</legend>
            <${Bound} name="least" title="At least" value=${filter.least?.[0]} />
            <${Bound} name="most" title="At most" value=${filter.most?.[0]} />
          </fieldset>
          <${Tick} name="wrong" title="Only mistakes" on=${filter.wrong?.[0] === "true"} />`}
        ${summary.faults > 0 && html`<${Tick} name="fault" title=${`Only what cannot be shown (${summary.faults.toLocaleString("en")})`} on=${filter.fault?.[0] === "true"} />`}
        ${filtered && html`<button type="button" onClick=${() => setQuery(NO_FILTER)}>Show all</button>`}
      </div>
      <h2>Labels</h2>
      <${Loaded} of=${balance}>${(found) => html`<${Bars} balance=${found} chosen=${filter.label ?? []} />`}<//>
    </details>`;
}

function without(filter, key) {
  const { [key]: _, ...rest } = filter;
  return rest;
}

function Words({ value }) {
  const timer = useRef(0);
  const field = useRef(null);
  useEffect(() => {
    if (document.activeElement !== field.current) field.current.value = value;
  }, [value]);
  const typed = (event) => {
    const text = event.target.value;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setQuery({ text }), TYPING_MS);
  };
  return html`<label>File name<input type="search" ref=${field} defaultValue=${value} placeholder="Part of it" onInput=${typed} /></label>`;
}

const Choice = ({ name, title, value, values, counts }) => html`
  <label>${title}
    <select value=${value ?? ""} onChange=${(event) => setQuery({ [name]: event.target.value })}>
      <option value="">All</option>
      ${values.map((each) => html`<option key=${each} value=${each} selected=${each === value}>${each}${counts ? ` (${(counts[each] ?? 0).toLocaleString("en")})` : ""}</option>`)}
    </select>
  </label>`;

const Bound = ({ name, title, value }) => html`
  <label>${title}<input type="number" min="0" max="1" step="0.05" value=${value ?? ""} onChange=${(event) => event.target.reportValidity() && setQuery({ [name]: event.target.value })} /></label>`;

const Tick = ({ name, title, on }) => html`
  <label class="tick"><input type="checkbox" checked=${on} onChange=${(event) => setQuery({ [name]: event.target.checked ? "true" : null })} />${title}</label>`;

/** How many pictures have each label; one that is pressed filters. */
function Bars({ balance, chosen }) {
  const [words, setWords] = useState("");
  const [all, setAll] = useState(false);
  const most = Math.max(1, ...balance.labels.map(({ count }) => count));
  const found = balance.labels.filter(({ label }) => label.toLowerCase().includes(words.toLowerCase()));
  const shown = all ? found : found.slice(0, SHOWN);
  const toggle = (label) => setQuery({ label: chosen.includes(label) ? chosen.filter((each) => each !== label) : [...chosen, label] });
  return html`
    ${balance.labels.length > SHOWN && html`<input type="search" aria-label="Find a label" placeholder="Find a label" onInput=${(event) => setWords(event.target.value)} />`}
    <ul class="bars" aria-label="How many pictures have which label">${shown.map(({ label, count }) => html`
      <li key=${label}><button type="button" class="bar" aria-pressed=${chosen.includes(label)} onClick=${() => toggle(label)}>
        <span class="bar-name">${label}</span><span class="figure">${count.toLocaleString("en")}</span>
        <span class="bar-length" aria-hidden="true" style=${{ width: `${(100 * count) / most}%` }}></span>
      </button></li>`)}
    </ul>
    ${found.length > shown.length && html`<button type="button" class="quiet" onClick=${() => setAll(true)}>${found.length - shown.length} more labels</button>`}
    ${balance.more > 0 && html`<p class="hint">${balance.more.toLocaleString("en")} rarer labels are not listed.</p>`}
    ${balance.unlabelled > 0 && html`<p class="hint">${counted(balance.unlabelled)} without a label.</p>`}`;
}
