// A table of pictures: its grid, the map of what looks alike, near-duplicates; what is chosen becomes data or work.

import { ask, withQuery } from "../../../shared/api.js";
import { counted, html, useEffect, useLoaded, useState } from "../../../shared/html.js";
import { useEvents } from "../../events.js";
import { CommandLine } from "../../parts/command_line.js";
import { Empty, Failure, Loaded } from "../../parts/states.js";
import { complain } from "../../parts/toasts.js";
import { setQuery } from "../../router.js";
import { newJobPath } from "../jobs/addresses.js";
import { newProjectPath, projectPath } from "../labelling/addresses.js";
import { filterOf, NO_FILTER, tablePath } from "./addresses.js";
import { ExportDialog } from "./export_dialog.js";
import { Filters } from "./filters.js";
import { MapView } from "./map.js";
import { NearDuplicates } from "./near_duplicates.js";
import { PictureGrid } from "./picture_grid.js";
import { Work } from "./progress.js";
import { useRows } from "./rows.js";

// Larger tables are looked at when somebody asks for it.
const INSPECTED_UNASKED = 20_000;

const VIEWS = [["pictures", "Pictures"], ["map", "Map"], ["near-duplicates", "Near-duplicates"]];

export function Page({ query }) {
  const of = query.get("of") ?? "";
  const table = useLoaded(() => ask("GET", withQuery("/table", { of })), [of]);
  useEvents(table.value && `table:${table.value.key}`, table.reload, [of]);
  return html`
    <div class="stack" key=${of}>
      <${Loaded} of=${table}>${(found) => (found.summary
        ? html`<${Table} key=${found.key} table=${found} query=${query} reload=${table.reload} />`
        : html`<${Reading} table=${found} reload=${table.reload} />`)}<//>
    </div>`;
}

function Reading({ table, reload }) {
  const { reading } = table.work;
  const again = () => ask("POST", withQuery("/table/reading", { of: table.of })).then(reload, complain);
  return html`
    <div class="page-head"><h1>${table.title}</h1></div>
    ${reading?.state === "failed"
      ? html`<${Failure} error=${new Error(reading.error)} again=${again} />`
      : html`<${Work} work=${reading} what="Reading the table" />`}
    ${table.command && html`<${CommandLine} command=${table.command} />`}`;
}

function Table({ table, query, reload }) {
  const { of, key, summary, work } = table;
  const filter = filterOf(query);
  const view = query.get("view") ?? "pictures";
  const [chosen, setChosen] = useState(() => new Set());
  const [making, setMaking] = useState(null);
  const inspect = () => ask("POST", withQuery("/table/inspection", { of, key })).then(reload, complain);
  useEffect(() => {
    if (summary.near_duplicates === null && !work.inspection && summary.rows <= INSPECTED_UNASKED) inspect();
  }, [key]);
  const rows = useRows(of, key, filter, summary.near_duplicates);
  const choose = (numbers, on) => setChosen((before) => {
    const next = new Set(before);
    for (const row of numbers) {
      if (on) next.add(row);
      else next.delete(row);
    }
    return next;
  });
  /** Keep some rows as a selection and show them alone. */
  const select = async (numbers) => {
    try {
      const { selection } = await ask("POST", withQuery("/table/selections", { of, key }), { rows: [...numbers] });
      setChosen(new Set());
      // Where there is no grid, to one.
      setQuery({ ...NO_FILTER, selection, ...(view === "near-duplicates" && { view: null }) }, { replace: false });
    } catch (error) {
      complain(error);
    }
  };
  /** Ask what is to be made of the chosen rows, or of all; `first` is offered first. */
  const make = async (first) => {
    try {
      const wanted = chosen.size
        ? { selection: (await ask("POST", withQuery("/table/selections", { of, key }), { rows: [...chosen] })).selection }
        : filter;
      setMaking({ wanted, count: chosen.size || rows.total, first });
    } catch (error) {
      complain(error);
    }
  };
  const notices = summary.notices;
  // All of a folder or of an asset: the project is of that, and takes what comes to it later.
  const whole = !chosen.size && !Object.keys(filter).length;
  return html`
    <div class="page-head">
      <h1>${table.title}</h1>
      <div class="row">
        ${chosen.size > 0 && html`
          <span class="hint" role="status">${chosen.size.toLocaleString("en")} chosen</span>
          <button type="button" onClick=${() => select(chosen)}>Show only these</button>
          <button type="button" onClick=${() => setChosen(new Set())}>Choose none</button>`}
        ${of.startsWith("asset:") && html`<a class="button" href=${newJobPath({ data: of.replace("asset:", "azureml:") })}>New job from it</a>`}
        ${whole
          ? html`<a class="button" href=${newProjectPath(of)}>Label these</a>`
          : html`<button type="button" disabled=${!rows.total} onClick=${() => make("labelling-projects")}>Label these</button>`}
        <button type="button" class="main" disabled=${!rows.total} onClick=${() => make("data-assets")}>Make a data set …</button>
      </div>
    </div>
    <p class="facts-line row">
      <span><strong class="figure">${summary.rows.toLocaleString("en")}</strong> pictures</span>
      <span><strong class="figure">${summary.labels.toLocaleString("en")}</strong> labels</span>
      ${Object.entries(summary.splits).map(([split, count]) => html`<span key=${split}><strong class="figure">${count.toLocaleString("en")}</strong> ${split}</span>`)}
      ${table.labelling_project && html`<span>Labels of the project <a href=${projectPath(table.labelling_project)}>${table.labelling_project}</a></span>`}
      ${summary.faults > 0 && html`<a class="error" href=${tablePath({ of, fault: "true" })}>${counted(summary.faults)} cannot be shown</a>`}
    </p>
    ${notices.length > 0 && html`<details class="hint"><summary>${counted(notices.length, "notice")} of how it was read</summary><ul>${notices.map((notice) => html`<li key=${notice}>${notice}</li>`)}</ul></details>`}
    <${Inspected} summary=${summary} work=${work.inspection} inspect=${inspect} />
    <nav class="tabs" aria-label="Views">${VIEWS.map(([name, title]) => html`
      <a key=${name} href=${tablePath({ of, view: name === "pictures" ? null : name, ...filter })} aria-current=${view === name ? "page" : undefined}>${title}${name === "near-duplicates" && summary.near_duplicates ? ` (${summary.near_duplicates.toLocaleString("en")})` : ""}</a>`)}
    </nav>
    <div class="table-page">
      <${Filters} of=${of} tableKey=${key} summary=${summary} filter=${filter} />
      <div class="stack">
        ${view === "map" && html`<${MapView} table=${table} filter=${filter} onSelect=${select} reload=${reload} />`}
        ${view === "near-duplicates"
          ? html`<${NearDuplicates} table=${table} onSelect=${select} />`
          : html`<${Found} rows=${rows} of=${of} tableKey=${key} chosen=${chosen} choose=${choose} filter=${filter} />`}
      </div>
    </div>
    ${table.command && html`<${CommandLine} command=${table.command} />`}
    ${making && html`<${ExportDialog} of=${of} tableKey=${key} ...${making} title=${table.title} onClose=${() => setMaking(null)} />`}`;
}

function Found({ rows, of, tableKey, chosen, choose, filter }) {
  if (rows.error) return html`<${Failure} error=${rows.error} again=${rows.reload} />`;
  if (rows.total === null) return html`<p role="status" class="wait">Loading …</p>`;
  if (!rows.total) return html`<${Empty} title="No picture is like that"><button type="button" onClick=${() => setQuery(NO_FILTER)}>Show all</button><//>`;
  const filtered = Object.keys(filter).length > 0;
  return html`
    ${filtered && html`<p class="hint" role="status">${counted(rows.total)}${filter.selection ? " of a selection" : ""} <button type="button" class="quiet" onClick=${() => setQuery(NO_FILTER)}>Show all</button></p>`}
    <${PictureGrid} key=${JSON.stringify(filter)} of=${of} tableKey=${tableKey} label="Pictures" rows=${rows.rows} total=${rows.total} need=${rows.need} chosen=${chosen} onChoose=${choose} />`;
}

/** Whether every picture was looked at, and how to have that done. */
function Inspected({ summary, work, inspect }) {
  if (summary.near_duplicates !== null) return null;
  if (work?.state === "failed") return html`<${Failure} error=${new Error(work.error)} again=${inspect} />`;
  if (work) return html`<${Work} work=${work} what="Looking for damaged pictures and near-duplicates" />`;
  return html`<p class="row"><button type="button" onClick=${inspect}>Look at every picture</button><span class="hint">Finds damaged ones and near-duplicates, in the background.</span></p>`;
}
