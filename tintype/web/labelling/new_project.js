// Making a project of a folder that the server may read.

import { ask } from "./api.js";
import { html, useForm, useRef } from "../shared/html.js";

const TASKS = [["image_classification", "one label a picture"], ["image_classification_multilabel", "several labels a picture, or none"]];
const EXISTING = [["none", "pass them over"], ["suggestions", "suggestions to review"], ["final", "labels"]];

/** `folders` are those that projects may be made of; `made` is called with the new project's name. */
export function NewProject({ folders, made }) {
  const form = useRef(null);
  const { submit, busy, error } = useForm(async () => {
    const { labels, people, ...given } = Object.fromEntries(new FormData(form.current));
    const names = labels.split("\n").map((name) => name.trim()).filter(Boolean);
    await ask("POST", "/projects", { ...given, labels: names, labellers: Number(people) }, { timeout: 600_000 });
    made(given.name);
  });
  const options = (pairs) => pairs.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`);
  return html`
    <details class="panel">
      <summary>New project</summary>
      <form ref=${form} class="fields" onSubmit=${submit}>
        <label>Name <input name="name" required maxlength="255" pattern="[A-Za-z0-9][A-Za-z0-9._\\-]*" title="Letters, digits, '-', '_' and '.'" autocomplete="off" /></label>
        <label>Folder of pictures <select name="data">${options(folders.map((folder) => [folder, folder]))}</select></label>
        <label>Task <select name="task">${options(TASKS)}</select></label>
        <label>Labels, one a line <textarea name="labels" rows="4" placeholder="Cat, or Animal/Cat"></textarea></label>
        <label>Labels that the folder has <select name="existing_labels">${options(EXISTING)}</select></label>
        <label>People who answer each picture <input type="number" name="people" min="1" max="20" defaultValue="1" value=${undefined} /></label>
        <label>Instructions, in Markdown <textarea name="instructions" rows="3" maxlength="200000"></textarea></label>
        <p class="error" role="alert">${error}</p>
        <button type="submit" class="main" disabled=${busy}>${busy ? "Looking at the pictures …" : "Make the project"}</button>
      </form>
    </details>`;
}
