// Projects that whoever is signed in may open.

import { ask } from "./api.js";
import { Header } from "./header.js";
import { html, useEffect, useLoaded } from "../shared/html.js";
import { NewProject } from "./new_project.js";

const TASKS = { image_classification: "one label a picture", image_classification_multilabel: "several labels a picture, or none" };

export function ProjectList({ outbox }) {
  const { value, error, reload } = useLoaded((signal) => ask("GET", "/projects", undefined, { signal }), []);
  // Refused to those who may make none.
  const { value: allowed } = useLoaded((signal) => ask("GET", "/folders", undefined, { signal }).catch(() => ({ folders: [] })), []);
  useEffect(() => { document.title = "Labelling · Tintype"; }, []);
  return html`
    <${Header} outbox=${outbox} />
    <main class="narrow">
      <h1>Projects</h1>
      ${error && html`<p class="error" role="alert">${error.message}</p><button type="button" onClick=${reload}>Try again</button>`}
      ${value?.length === 0 && html`
        <div class="panel"><p>There is no project yet that is open to you. Make one in a terminal:</p>
          <pre tabindex="0" aria-label="Command"><code>tintype label create --name fruit --data photos --label Apple --label Pear</code></pre>
          <button type="button" onClick=${reload}>Look again</button></div>`}
      <ul class="projects">
        ${value?.map((project) => html`
          <li key=${project.name}>
            <a href=${`#/${encodeURIComponent(project.name)}`}>
              <strong>${project.name}</strong>
              <span class="hint">${TASKS[project.task] ?? project.task} · you are ${project.role}${project.state === "running" ? "" : ` · ${project.state}`}</span>
            </a>
          </li>`)}
      </ul>
      ${allowed?.folders.length > 0 && html`<${NewProject} folders=${allowed.folders} made=${(name) => { location.hash = `#/${encodeURIComponent(name)}`; }} />`}
    </main>`;
}
