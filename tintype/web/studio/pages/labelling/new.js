// A new labelling project: of a data asset, or of a folder that the studio was started with.

import { ask } from "../../../shared/api.js";
import { html, useForm, useLoaded, useState } from "../../../shared/html.js";
import { CommandLine, quoted } from "../../parts/command_line.js";
import { go } from "../../router.js";
import { titleOf } from "../data/addresses.js";
import { projectPath } from "./addresses.js";

// Every picture is looked for, and every file of labels read, before the project is there.
const MAKE_MS = 600_000;

const TASKS = [["image_classification", "one"], ["image_classification_multilabel", "any number, or none"]];
const EXISTING = [["none", "pass them over"], ["suggestions", "suggestions to review"], ["final", "labels"]];

export function Page({ query }) {
  const assets = useLoaded(() => ask("GET", "/data"), []);
  const folders = useLoaded(() => ask("GET", "/data/folders"), []);
  const [given, setGiven] = useState({ name: "", data: query.get("of") ?? "", task: TASKS[0][0], labels: "", existing_labels: "none", people: "1", instructions: "" });
  const give = (key) => (event) => setGiven({ ...given, [key]: event.target.value });
  const labels = given.labels.split("\n").map((label) => label.trim()).filter(Boolean);
  const sources = [...new Set([
    ...(given.data ? [given.data] : []),
    ...(folders.value?.tables ?? []),
    ...(assets.value ?? []).map(({ name, version }) => `asset:${name}:${version}`),
  ])];
  const { submit, busy, error } = useForm(async () => {
    const { people, ...rest } = given;
    const project = await ask("POST", "/labelling/projects", { ...rest, labels, labellers: Number(people) }, { timeout: MAKE_MS });
    go(projectPath(project.name));
  });
  const pick = (key, title, options, more = {}) => html`
    <label>${title}<select value=${given[key]} onChange=${give(key)} ...${more}>${options.map(([value, told]) => html`<option key=${value} value=${value} selected=${given[key] === value}>${told}</option>`)}</select></label>`;
  const command = ["tintype label create", "--name", quoted(given.name || "NAME"), "--data", "PATH", ...labels.flatMap((label) => ["--label", quoted(label)])];
  return html`
    <div class="stack">
      <div class="page-head"><h1>New labelling project</h1></div>
      <section class="panel form-panel" aria-label="The project">
        <form class="fields" onSubmit=${submit}>
          ${pick("data", "Pictures", [["", "Choose a folder or a data asset"], ...sources.map((of) => [of, titleOf(of)])], { required: true })}
          ${folders.value?.tables.length === 0 && html`<p class="hint">Start the studio with <code>--data FOLDER</code>, and folders stand here, too.</p>`}
          <label>Name<input required maxlength="255" pattern="[A-Za-z0-9][A-Za-z0-9_.\\-]*" title="Letters, digits, '-', '_' and '.'" autocomplete="off" value=${given.name} onInput=${give("name")} /></label>
          ${pick("task", "Labels of a picture", TASKS)}
          <label>Labels, one a line<textarea rows="4" placeholder=${"Cat\nDog, or Animal/Dog"} required=${given.existing_labels === "none"} value=${given.labels} onInput=${give("labels")}></textarea></label>
          ${pick("existing_labels", "Labels that the pictures have", EXISTING)}
          <label>People who answer each picture<input type="number" min="1" max="20" required value=${given.people} onInput=${give("people")} /></label>
          <label>Instructions, in Markdown<textarea rows="3" maxlength="200000" value=${given.instructions} onInput=${give("instructions")}></textarea></label>
          <p role="alert" class="error">${error}</p>
          <div class="row end">
            ${busy && html`<p role="status" class="hint">The pictures are looked for …</p>`}
            <button type="submit" class="main" disabled=${busy}>Make the project</button>
          </div>
        </form>
        <${CommandLine} command=${command.join(" ")} />
      </section>
    </div>`;
}
