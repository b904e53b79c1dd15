// What a run made: folders to go into, files to look at or to download.

import { ask, withQuery } from "../../../shared/api.js";
import { html, useLoaded, useState } from "../../../shared/html.js";
import { CommandLine, quoted } from "../../parts/command_line.js";
import { bytes } from "../../parts/figures.js";
import { Empty, Loaded } from "../../parts/states.js";
import { contentOf } from "./addresses.js";

const PICTURES = /\.(png|jpe?g|gif|webp)$/i;

export function Tab({ run, parts }) {
  const [folder, setFolder] = useState("");
  const [shown, setShown] = useState(null);
  const files = useLoaded(() => ask("GET", withQuery(`/jobs/${encodeURIComponent(run.name)}/files`, { path: folder })), [run.name, folder, run.status]);
  const enter = (path) => {
    setFolder(path);
    setShown(null);
  };
  const steps = folder ? folder.split("/") : [];
  const address = (path, more = {}) => contentOf(run.name, path, more);
  return html`
    <div class="stack">
      <nav class="row" aria-label="Folder">
        <button type="button" class="quiet" disabled=${!folder} onClick=${() => enter("")}>${run.name}</button>
        ${steps.map((step, index) => html`<span key=${index} class="row">/ <button type="button" class="quiet" disabled=${index === steps.length - 1} onClick=${() => enter(steps.slice(0, index + 1).join("/"))}>${step}</button></span>`)}
      </nav>
      <div class=${shown ? "columns" : "stack"}>
        <${Loaded} of=${files}>${(found) => (found.files.length ? html`
          <div class="panel">
            <ul class="lines">${found.files.map((file) => html`
              <li key=${file.path}>
                ${file.folder
                  ? html`<button type="button" class="quiet name" onClick=${() => enter(file.path)}>${file.name}/</button>`
                  : file.shown
                    ? html`<button type="button" class="quiet name" aria-pressed=${shown === file.path} onClick=${() => setShown(file.path)}>${file.name}</button>`
                    : html`<span class="name">${file.name}</span>`}
                ${!file.folder && html`<span class="hint figure">${bytes(file.bytes)}</span><a href=${address(file.path, { download: true })} download>Download<span class="unseen"> ${file.name}</span></a>`}
              </li>`)}
            </ul>
            ${found.more > 0 && html`<p class="hint">${found.more.toLocaleString("en")} more are not listed.</p>`}
          </div>` : html`<${Empty} title="The folder is empty" />`)}<//>
        ${shown && html`
          <section class="panel" aria-label=${shown}>
            <div class="row spread"><h2 class="name">${shown.split("/").at(-1)}</h2><a href=${address(shown)} target="_blank" rel="noopener">In a tab of its own</a></div>
            ${PICTURES.test(shown)
              ? html`<img src=${address(shown)} alt=${shown.split("/").at(-1)} />`
              : html`<iframe class="file" title=${shown} src=${address(shown)} sandbox="allow-scripts"></iframe>`}
          </section>`}
      </div>
      <${CommandLine} command=${`tintype job download --name ${quoted(run.name)} --all`} />
    </div>`;
}
