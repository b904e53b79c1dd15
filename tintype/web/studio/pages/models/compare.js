// Choose two models and pictures.

import { ask } from "../../../shared/api.js";
import { html, useForm, useLoaded, useState } from "../../../shared/html.js";
import { CommandLine, quoted } from "../../parts/command_line.js";
import { go } from "../../router.js";
import { REGISTRY } from "./names.js";

// Both models and the pictures are looked at before anything starts.
const LOOK_MS = 600_000;

export function Page({ query }) {
  const [first = "", second = ""] = query.getAll("model");
  const [given, setGiven] = useState({ first, second, data: query.get("data") ?? "" });
  const models = useLoaded(() => ask("GET", "/models", undefined, REGISTRY), []);
  const choices = useLoaded(() => ask("GET", "/job-choices"), []);
  const give = (key) => (event) => setGiven({ ...given, [key]: event.target.value.trim() });
  const { submit, busy, error } = useForm(async () => {
    const { id } = await ask("POST", "/comparisons", given, { timeout: LOOK_MS });
    go(`/compare-models/${id}`);
  });
  const known = [...new Set([...(models.value ?? []).map(({ id }) => id), ...(choices.value?.models ?? [])])];
  return html`
    <div class="stack">
      <div class="page-head"><h1>Compare two models</h1></div>
      <form class="panel" onSubmit=${submit}>
        <div class="fields">
          <label>One model<input list="known-models" required value=${given.first} onInput=${give("first")} placeholder="azureml:NAME:VERSION, or a checkpoint" /></label>
          <label>The other<input list="known-models" required value=${given.second} onInput=${give("second")} placeholder="azureml:NAME:VERSION, or a checkpoint" /></label>
          <label>Pictures<input list="known-data" required value=${given.data} onInput=${give("data")} placeholder="folder, table, or azureml:NAME@latest" /></label>
          <datalist id="known-models">${known.map((name) => html`<option key=${name} value=${name}></option>`)}</datalist>
          <datalist id="known-data">${(choices.value?.data ?? []).map((name) => html`<option key=${name} value=${name}></option>`)}</datalist>
        </div>
        <p class="hint">Both see the same pictures: all of them, or a hundred that are evenly chosen. The work is a batch job for each model.</p>
        <p class="error" role="alert">${error}</p>
        <div class="row end">${busy && html`<p class="hint" role="status">Models and pictures are looked at …</p>`}<button type="submit" class="main" disabled=${busy}>Compare</button></div>
      </form>
      <${CommandLine} command=${["first", "second"].map((key) => `tintype batch ${quoted(given.data || "DATA")} ${key} --model ${quoted(given[key] || "MODEL")} --format jsonl`)} />
    </div>`;
}
