// What a version says of itself: a description, and tags such as its stage.

import { ask } from "../../../shared/api.js";
import { Dialog } from "../../../shared/dialog.js";
import { html, useState } from "../../../shared/html.js";
import { CommandLine, quoted } from "../../parts/command_line.js";
import { REGISTRY } from "./names.js";

/** Tags that people write; Tintype's own tell where a model is from. */
const written = (tags) => Object.entries(tags).filter(([key]) => !key.startsWith("tintype."));

export function Tags({ model, path, reload }) {
  const [editing, setEditing] = useState(false);
  const tags = written(model.tags);
  return html`
    <section class="panel" aria-labelledby="tags">
      <div class="row spread"><h2 id="tags">Description and tags</h2><button type="button" onClick=${() => setEditing(true)}>Edit</button></div>
      <p class=${model.description ? "" : "hint"}>${model.description || "No description."}</p>
      <dl class="facts">${tags.map(([key, value]) => html`<div key=${key}><dt>${key}</dt><dd>${value}</dd></div>`)}</dl>
      ${editing && html`<${Edit} model=${model} path=${path} onClose=${(changed) => {
        setEditing(false);
        if (changed === true) reload();
      }} />`}
    </section>`;
}

function Edit({ model, path, onClose }) {
  const [description, setDescription] = useState(model.description ?? "");
  const [lines, setLines] = useState(written(model.tags).map(([key, value]) => `${key}=${value}`).join("\n"));
  const [error, setError] = useState("");
  const submit = async (event) => {
    event.preventDefault();
    const pairs = lines.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => [line.split("=")[0].trim(), line.slice(line.indexOf("=") + 1).trim()]);
    const wrong = lines.split("\n").find((line) => line.trim() && !line.includes("="));
    if (wrong) {
      setError(`Tags are written KEY=VALUE, a line each: ${wrong}`);
      return;
    }
    try {
      await ask("PUT", path, { description, tags: Object.fromEntries(pairs) }, REGISTRY);
      onClose(true);
    } catch (failure) {
      setError(failure.message);
    }
  };
  return html`
    <${Dialog} title=${`${model.name}, version ${model.version}`} onClose=${onClose}>
      <form onSubmit=${submit}>
        <div class="fields">
          <label>Description<textarea rows="3" value=${description} onInput=${(event) => setDescription(event.target.value)}></textarea></label>
          <label>Tags, KEY=VALUE, a line each (such as stage=production)<textarea rows="5" spellcheck=${false} value=${lines} onInput=${(event) => setLines(event.target.value)}></textarea></label>
        </div>
        <p class="error" role="alert">${error}</p>
        <div class="row end"><button type="button" onClick=${onClose}>Cancel</button><button type="submit" class="main">Save</button></div>
      </form>
      <${CommandLine} command=${`tintype model update --name ${quoted(model.name)} --version ${quoted(model.version)} --set tags.stage=production`} />
    <//>`;
}
