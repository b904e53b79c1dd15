// The job that a run executes, as YAML.

import { html } from "../../../shared/html.js";
import { CommandLine } from "../../parts/command_line.js";

export function Tab({ run }) {
  return html`
    <div class="stack">
      <pre class="log" tabindex="0" role="region" aria-label="Document">${run.yaml === "{}\n" ? "The job's document is missing from the run's folder." : run.yaml}</pre>
      <${CommandLine} command="tintype job create --file job.yml" />
    </div>`;
}
