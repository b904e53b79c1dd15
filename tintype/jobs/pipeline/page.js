// The page of a pipeline. Its data are those of page.py.

import { DataTable } from "../../pages/components/data_table.js";
import { html } from "../../pages/components/html.js";
import { duration } from "../../pages/components/numbers.js";
import { Lead, Section, showPage } from "../../pages/components/show_page.js";
import { StepGraph } from "../../pages/components/step_graph.js";

function Page({ data }) {
  return html`
    <${Lead} data=${data} />
    <${Section} title="Graph"><${StepGraph} steps=${data.steps} /><//>
    <${Section} title="Nodes">
      <${DataTable} label="Nodes" page=${100} rows=${data.steps} search=${({ name, kind, status, run }) => `${name} ${kind} ${status} ${run}`} columns=${[
        { title: "node", value: ({ name }) => name },
        { title: "what it is", value: ({ kind }) => kind },
        { title: "status", value: ({ reused_from: reused, status }) => (reused ? "reused" : status) },
        { title: "time", value: ({ seconds }) => seconds, draw: ({ seconds }) => (seconds === null ? "" : duration(seconds)), end: true },
        { title: "run", value: ({ reused_from: reused, run }) => reused ?? run },
        { title: "error", value: ({ error }) => error },
      ]} />
    <//>`;
}

showPage(Page);
