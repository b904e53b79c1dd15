// The report of a batch. Its data are those of report.py.

import { DataTable } from "../pages/components/data_table.js";
import { ExplainedPictures, howToRead } from "../pages/components/explained_pictures.js";
import { html, useMemo, useState } from "../pages/components/html.js";
import { counted, percent } from "../pages/components/numbers.js";
import { PictureGrid } from "../pages/components/picture_grid.js";
import { Lead, Section, showPage } from "../pages/components/show_page.js";

function Page({ data }) {
  const [label, setLabel] = useState(null);
  return html`
    <${Lead} data=${data} />
    <${Section} title="The batch">
      <div class="scroll" tabindex="0" role="region" aria-label="The batch"><table class="plain"><tbody>${data.figures.map(([name, value]) => html`
        <tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table></div>
    <//>
    ${data.labels.length > 0 && html`<${Labels} data=${data} label=${label} onLabel=${setLabel} />`}
    ${data.samples.length > 0 && html`<${Samples} data=${data} label=${label} onLabel=${setLabel} />`}
    ${data.explained && html`
      <${Section} title="Answers explained" hint=${`${howToRead(data.explained)} The folder explanations has them all.`}>
        <${ExplainedPictures} explained=${data.explained} />
      <//>`}
    ${data.errors.length > 0 && html`<${Errors} data=${data} />`}`;
}

function Labels({ data, label, onLabel }) {
  const most = data.labels[0][1];
  const sampled = useMemo(() => new Set(data.samples.map(({ top }) => top[0]?.[0])), [data]);
  return html`
    <${Section} title="Labels" hint="A label that is chosen shows its pictures of the sample.">
      <${DataTable} label="Labels" rows=${data.labels} search=${([name]) => name} rowProps=${([name]) => ({ class: name === label ? "lit" : "" })} columns=${[
        { title: "label", value: ([name]) => name, draw: ([name]) => (sampled.has(name) ? html`<button type="button" aria-pressed=${name === label} onClick=${() => onLabel(name === label ? null : name)}>${name}</button>` : name) },
        { title: "rows", value: ([, count]) => count, draw: ([, count]) => count.toLocaleString("en"), end: true },
        { title: "share", value: ([, count]) => count, draw: ([, count]) => percent(count / Math.max(data.succeeded, 1), 1), end: true },
        { title: html`<span class="unseen">as a bar</span>`, value: null, draw: ([, count]) => html`<span class="share-bar" aria-hidden="true"><span style=${{ width: `${(100 * count) / most}%` }}></span></span>` },
      ]} />
      ${data.labels_left > 0 && html`<p class="hint">And ${counted(data.labels_left, "more label")}; summary.json has them all.</p>`}
    <//>`;
}

const ORDERS = {
  given: { title: "In order", by: () => 0 },
  sure: { title: "Surest first", by: (a, b) => (b.top[0]?.[1] ?? 0) - (a.top[0]?.[1] ?? 0) },
  doubtful: { title: "Least sure first", by: (a, b) => (a.top[0]?.[1] ?? 0) - (b.top[0]?.[1] ?? 0) },
};

function Samples({ data, label, onLabel }) {
  const [order, setOrder] = useState("given");
  const [words, setWords] = useState("");
  const scored = data.samples.some(({ top }) => top.length > 0);
  const items = useMemo(() => {
    const wanted = words.trim().toLowerCase();
    return data.samples
      .filter(({ top }) => label === null || top[0]?.[0] === label)
      .filter(({ name, top }) => !wanted || [name, ...top.map(([one]) => one)].some((text) => text.toLowerCase().includes(wanted)))
      .sort(ORDERS[order].by)
      .map(({ name, row, top, picture }) => ({
        src: picture, name: `${name} (${row})`, alt: `${name}, row ${row}`, mark: "",
        caption: top.map(([one, probability]) => `${one} ${percent(probability, 1)}`).join("; "),
      }));
  }, [data, label, order, words]);
  return html`
    <${Section} title="A sample" hint=${`${counted(data.samples.length, "picture")}, evenly over the whole batch${scored ? ", with the likeliest labels" : ""}.`}>
      <div class="controls row">
        ${scored && html`<div class="row" role="group" aria-label="Order">${Object.entries(ORDERS).map(([key, { title }]) => html`
          <button type="button" key=${key} aria-pressed=${order === key} onClick=${() => setOrder(key)}>${title}</button>`)}</div>`}
        <label>Search <input type="search" value=${words} onInput=${(event) => setWords(event.target.value)} /></label>
        ${label !== null && html`<button type="button" onClick=${() => onLabel(null)}>${label} ×<span class="unseen"> show all labels</span></button>`}
      </div>
      <${PictureGrid} items=${items} none="None of the sample." />
    <//>`;
}

function Errors({ data }) {
  return html`
    <${Section} title="Rows without an answer">
      <${DataTable} label="Rows without an answer" rows=${data.errors} search=${([name, , error]) => `${name} ${error}`} columns=${[
        { title: "file", value: ([name]) => name },
        { title: "row", value: ([, row]) => row, end: true },
        { title: "reason", value: ([, , error]) => error },
      ]} />
      ${data.errors_left > 0 && html`<p class="hint">And ${counted(data.errors_left, "more row")}; errors.jsonl has them all.</p>`}
    <//>`;
}

showPage(Page);
