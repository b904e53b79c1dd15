// Register what a run has made.

import { ask, withQuery } from "../../../shared/api.js";
import { Dialog } from "../../../shared/dialog.js";
import { html, useForm, useLoaded, useState } from "../../../shared/html.js";
import { CommandLine, quoted } from "../../parts/command_line.js";
import { go } from "../../router.js";
import { pathOfModel } from "./names.js";

// The files are copied, and their checksums looked at.
const COPY_MS = 300_000;

export function RegisterDialog({ run = "", onClose }) {
  const runs = useLoaded(() => ask("GET", withQuery("/jobs", { status: "Completed", limit: 200 })), []);
  const [given, setGiven] = useState({ run, name: "", version: "", description: "" });
  const give = (key) => (event) => setGiven({ ...given, [key]: event.target.value.trim() });
  const { submit, busy, error } = useForm(async () => {
    const body = Object.fromEntries(Object.entries(given).filter(([, value]) => value));
    const model = await ask("POST", "/models", body, { timeout: COPY_MS });
    onClose();
    go(pathOfModel(model.name, model.version));
  });
  const path = `azureml://jobs/${given.run || "RUN"}/outputs/artifacts/paths/outputs/mlflow-model/`;
  return html`
    <${Dialog} title="Register a model" onClose=${onClose} wide>
      <form onSubmit=${submit}>
        <div class="fields">
          <label>Run that made it<input list="runs-with-models" required value=${given.run} onInput=${give("run")} /></label>
          <datalist id="runs-with-models">${(runs.value?.runs ?? []).map((each) => html`<option key=${each.name} value=${each.name}>${each.display_name}</option>`)}</datalist>
          <label>Name<input required pattern="[A-Za-z0-9][A-Za-z0-9_.\\-]*" title="Letters, digits, '-', '_' and '.'" value=${given.name} onInput=${give("name")} /></label>
          <label>Version<input placeholder="left out: the next number" value=${given.version} onInput=${give("version")} /></label>
          <label>Description<input value=${given.description} onInput=${(event) => setGiven({ ...given, description: event.target.value })} /></label>
        </div>
        <p class="error" role="alert">${error}</p>
        <div class="row end">
          ${busy && html`<p class="hint" role="status">The files are copied …</p>`}
          <button type="button" onClick=${onClose}>Cancel</button><button type="submit" class="main" disabled=${busy}>Register</button>
        </div>
      </form>
      <${CommandLine} command=${`tintype model create --name ${quoted(given.name || "NAME")} --path ${quoted(path)}`} />
    <//>`;
}
