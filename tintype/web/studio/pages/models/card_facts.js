// A card as a page: facts in words, limits and biases, and the labels.

import { html, useState } from "../../../shared/html.js";
import { figure } from "../../parts/figures.js";
import { millions, taskName } from "./names.js";

const FIRST_LABELS = 30;

// What is said in sentences.
const TEXTS = { description: "Description", trained_on: "Trained on", limits: "Limits", biases: "Biases", license_note: "Licence note" };
const LEFT_OUT = new Set([...Object.keys(TEXTS), "sample_request", "sample_answer", "labels"]);

const NAMES = {
  base_checkpoint: "checkpoint", hub_id: "checkpoint", input_size: "input, pixels", license: "licence",
  fine_tunable_for: "can be trained for", disk_gb: "on the disk, GB", memory_gb_estimate: "memory, about, GB",
};

export function CardFacts({ card, labels = [], count = labels.length }) {
  const facts = Object.entries(card).filter(([key, value]) => !LEFT_OUT.has(key) && value !== null && value !== "");
  return html`
    <section class="panel" aria-labelledby="card">
      <h2 id="card">Card</h2>
      ${Object.entries(TEXTS).map(([key, title]) => card[key] && html`<div key=${key} class="stack tight"><h3>${title}</h3><p>${card[key]}</p></div>`)}
      <dl class="facts">${facts.map(([key, value]) => html`<div key=${key}><dt>${NAMES[key] ?? key.replaceAll("_", " ")}</dt><dd>${worded(key, value)}</dd></div>`)}</dl>
      ${count > 0 && html`<${Labels} labels=${labels} count=${count} />`}
    </section>`;
}

function worded(key, value) {
  if (key === "created") return new Date(value).toLocaleString();
  if (key === "task") return taskName(value);
  if (key === "parameters") return millions(value);
  if (key === "input_size" && Array.isArray(value)) return value.join(" × ");
  if (key === "fine_tunable_for") return value.map(taskName).join(", ");
  if (Array.isArray(value)) return value.map((one) => (typeof one === "object" ? JSON.stringify(one) : String(one))).join(", ");
  if (typeof value === "object") return Object.entries(value).map(([name, one]) => `${name.replaceAll("_", " ")} ${typeof one === "object" ? JSON.stringify(one) : figure(one)}`).join(", ");
  if (typeof value === "boolean") return value ? "yes" : "no";
  return figure(value);
}

function Labels({ labels, count }) {
  const [all, setAll] = useState(false);
  const shown = all ? labels : labels.slice(0, FIRST_LABELS);
  return html`
    <div class="stack tight">
      <h3>${count.toLocaleString("en")} labels</h3>
      <ul class="labels">${shown.map((label, index) => html`<li key=${index}>${label}</li>`)}</ul>
      ${labels.length > FIRST_LABELS && html`<div><button type="button" class="quiet" aria-expanded=${all} onClick=${() => setAll(!all)}>${all ? "Fewer" : "All"} labels</button></div>`}
      ${all && count > labels.length && html`<p class="hint">The first ${labels.length.toLocaleString("en")} are shown.</p>`}
    </div>`;
}
