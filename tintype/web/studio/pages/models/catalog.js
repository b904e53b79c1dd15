// The catalog: checkpoints to train from, or to use as they are.

import { ask } from "../../../shared/api.js";
import { counted, html, useLoaded } from "../../../shared/html.js";
import { CommandLine } from "../../parts/command_line.js";
import { Empty, Loaded } from "../../parts/states.js";
import { setQuery } from "../../router.js";
import { millions, pathOfCard, REGISTRY, taskName } from "./names.js";
import { Sides } from "./sides.js";

export function Page({ query }) {
  const cards = useLoaded(() => ask("GET", "/models/catalog", undefined, REGISTRY), []);
  const asked = Object.fromEntries(["search", "task", "family", "here"].map((key) => [key, query.get(key) ?? ""]));
  return html`
    <div class="stack">
      <div class="page-head"><h1>Models</h1></div>
      <${Sides} here="/catalog" />
      <${Loaded} of=${cards}>${(all) => html`<${Cards} all=${all} asked=${asked} />`}<//>
      <${CommandLine} command="tintype model list --registry -o table" />
    </div>`;
}

function Cards({ all, asked }) {
  const words = asked.search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = all.filter((card) => {
    const text = `${card.name} ${card.family} ${card.description} ${card.license}`.toLowerCase();
    return words.every((word) => text.includes(word)) && (!asked.task || card.task === asked.task)
      && (!asked.family || card.family === asked.family) && (!asked.here || card.here || card.imported_as);
  });
  const choice = (key, title, values, worded = String) => html`
    <label>${title}<select value=${asked[key]} onChange=${(event) => setQuery({ [key]: event.target.value })}>
      <option value="">All</option>${values.map((value) => html`<option key=${value} value=${value} selected=${asked[key] === value}>${worded(value)}</option>`)}</select></label>`;
  const values = (key) => [...new Set(all.map((card) => card[key]))].sort();
  return html`
    <div class="filters" role="search">
      <label>Search<input type="search" placeholder="Words in name, description, licence" defaultValue=${asked.search} onInput=${(event) => setQuery({ search: event.target.value })} /></label>
      ${choice("task", "Answers", values("task"), taskName)}
      ${choice("family", "Family", values("family"))}
      <label class="check"><input type="checkbox" checked=${asked.here === "true"} onChange=${(event) => setQuery({ here: event.target.checked ? "true" : "" })} /> Weights on this machine</label>
    </div>
    <p class="hint" role="status">${counted(found.length, "checkpoint")}</p>
    ${found.length ? html`<ul class="cards">${found.map((card) => html`<li key=${card.name}><${Card} card=${card} /></li>`)}</ul>`
      : html`<${Empty} title="No checkpoint is like that"><a href="/catalog">Show all</a><//>`}`;
}

function Card({ card }) {
  const here = card.here || card.imported_as;
  return html`
    <article class="panel checkpoint">
      <h2><a href=${pathOfCard(card.name)}>${card.name}</a></h2>
      <p class="about">${card.description}</p>
      <p class="row facts-line"><span>${taskName(card.task)}</span><span>${card.family}</span><span class="figure">${millions(card.parameters)}</span>
        <span class="figure">${card.input_size.join(" × ")}</span><span>${card.license}</span></p>
      <p class=${here ? "status good" : "status waits"}><span class="dot" aria-hidden="true"></span>${here ? "on this machine" : "to be fetched from the Hub"}</p>
    </article>`;
}
