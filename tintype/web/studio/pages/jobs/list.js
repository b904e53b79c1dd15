// All runs: found by words, status, kind and experiment; however many, only those in sight are drawn.

import { ask, withQuery } from "../../../shared/api.js";
import { html, useRef, useState } from "../../../shared/html.js";
import { useEvents } from "../../events.js";
import { CommandLine } from "../../parts/command_line.js";
import { Ago, Duration, figure, Status } from "../../parts/figures.js";
import { usePagedRows } from "../../parts/paged_rows.js";
import { Empty, Failure } from "../../parts/states.js";
import { Table } from "../../parts/table.js";
import { go, setQuery } from "../../router.js";
import { newJobPath, pathOf } from "./addresses.js";

const PAGE = 100;
const TYPING_MS = 200;
const MOST_COMPARED = 8;

const COLUMNS = [
  { key: "name", title: "Run", sort: "name", width: "minmax(9rem, 2.2fr)", draw: (run) => html`<a href=${pathOf(run)} title=${run.name}>${run.display_name}</a>` },
  { key: "status", title: "State", sort: "status", width: "7rem", draw: (run) => html`<${Status} status=${run.status} />` },
  { key: "type", title: "Kind", sort: "type", width: "6.5rem", wide: true, draw: (run) => run.type },
  { key: "experiment", title: "Experiment", sort: "experiment", width: "minmax(8rem, 1fr)", wide: true, draw: (run) => run.experiment_name },
  { key: "score", title: "Score", sort: "score", width: "5.5rem", end: true, draw: (run) => (run.score ? html`<span title=${run.score.name}>${figure(run.score.value)}</span>` : "") },
  { key: "duration", title: "Duration", sort: "duration", width: "6rem", wide: true, end: true, draw: (run) => html`<${Duration} run=${run} />` },
  { key: "created", title: "Made", sort: "created", width: "7rem", wide: true, draw: (run) => html`<${Ago} at=${run.created_at} />` },
];

export function Page({ query }) {
  const asked = {
    search: query.get("search") ?? "",
    status: query.getAll("status"),
    type: query.getAll("type"),
    experiment: query.getAll("experiment"),
    archived: query.get("archived") === "true" || undefined,
    sort: query.get("sort") ?? "created",
    descending: query.get("descending") !== "false",
  };
  const { page, error, need, reload } = useRuns(asked);
  const [chosen, setChosen] = useState(() => new Set());
  const choose = (name, on) => {
    const next = new Set(chosen);
    if (on) next.add(name);
    else next.delete(name);
    setChosen(next);
  };
  const sort = (by) => setQuery({ sort: by, descending: String(asked.sort === by ? !asked.descending : by === "created" || by === "score") });
  const filtered = asked.search || asked.status.length || asked.type.length || asked.experiment.length;
  return html`
    <div class="stack">
      <div class="page-head">
        <h1>Jobs</h1>
        <div class="row">
          <button type="button" disabled=${chosen.size < 2 || chosen.size > MOST_COMPARED} onClick=${() => go(withQuery("/compare", { name: [...chosen] }))}
            title=${`Choose 2 to ${MOST_COMPARED} runs`}>Compare${chosen.size ? ` ${chosen.size}` : ""}</button>
          <a class="button main" href=${newJobPath()}>New job</a>
        </div>
      </div>
      <${Filters} asked=${asked} page=${page} />
      ${error && html`<${Failure} error=${error} again=${reload} />`}
      ${page && page.total > 0 && html`
        <${Table} label="Runs" columns=${COLUMNS} rows=${page.rows} total=${page.total} need=${need} sorted=${{ by: asked.sort, descending: asked.descending }} onSort=${sort}
          selected=${chosen} onSelect=${choose} rowKey=${(run) => run.name} rowName=${(run) => run.display_name} />`}
      ${page && page.total === 0 && (filtered
        ? html`<${Empty} title="No run is like that"><a href="/jobs">Show all</a><//>`
        : html`<${Empty} title="No jobs yet"><p class="hint">A job is a document that says what to train, on which pictures.</p><a class="button" href=${newJobPath()}>New job</a><//>`)}
      ${!page && !error && html`<p role="status" class="wait">Loading …</p>`}
      <${CommandLine} command="tintype job list -o table" />
    </div>`;
}

/** Runs by their position, looked at again when any has changed. */
function useRuns(asked) {
  const load = async (offset, limit, signal) => {
    const query = { ...asked, descending: String(asked.descending), offset, limit };
    const answer = await ask("GET", withQuery("/jobs", query), undefined, { signal });
    return { ...answer, rows: answer.runs };
  };
  const key = JSON.stringify(asked);
  const found = usePagedRows(load, key, { size: PAGE });
  useEvents("runs", found.reload, [key]);
  return found;
}

function Filters({ asked, page }) {
  const timer = useRef(0);
  const search = (event) => {
    const text = event.target.value;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setQuery({ search: text }), TYPING_MS);
  };
  const choice = (key, title, values, counts) => html`
    <label>${title}
      <select value=${asked[key][0] ?? ""} onChange=${(event) => setQuery({ [key]: event.target.value })}>
        <option value="">All</option>
        ${values.map((value) => html`<option key=${value} value=${value} selected=${asked[key][0] === value}>${value}${counts ? ` (${counts[value] ?? 0})` : ""}</option>`)}
      </select>
    </label>`;
  const statuses = [...new Set([...Object.keys(page?.statuses ?? {}), ...asked.status])].sort();
  return html`
    <div class="filters" role="search">
      <label>Search<input type="search" placeholder="Words in name, experiment, tags" defaultValue=${asked.search} value=${undefined} onInput=${search} /></label>
      ${choice("status", "State", statuses, page?.statuses)}
      ${choice("type", "Kind", page?.types ?? asked.type)}
      ${choice("experiment", "Experiment", page?.experiments ?? asked.experiment)}
    </div>`;
}
