// How far the assistant has come, how often it is right, and whether labelling more still pays.

import { ask, projectPath } from "./api.js";
import { counted, html, percent, useEffect, useState } from "../shared/html.js";

const EVERY_MS = 8000;

export function AssistantLine({ project }) {
  const [told, setTold] = useState(null);
  useEffect(() => {
    let timer = 0;
    let wanted = true;
    const look = async () => {
      if (!document.hidden) {
        const answer = await ask("GET", projectPath(project.name, "/assistant")).catch(() => null);
        if (answer && wanted) setTold(answer);
      }
      if (wanted) timer = setTimeout(look, EVERY_MS);
    };
    look();
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [project.name]);
  if (!told) return null;
  const { total } = project.told.pictures;
  const accuracy = told.accuracy;
  return html`
    <section class="assistant" aria-labelledby="assistant-heading">
      <h2 id="assistant-heading">Assistant</h2>
      ${told.fault && html`<p class="error">${told.fault}</p>`}
      ${told.features < total && !told.fault && html`<p class="hint">Has looked at ${told.features.toLocaleString("en")} of ${counted(total)}.</p>`}
      ${accuracy && html`
        <p><strong>${percent(accuracy.accuracy)}</strong> right
          <span class="hint"> (${percent(accuracy.low)} to ${percent(accuracy.high)}, judged on ${counted(accuracy.pictures, "random picture")})</span></p>`}
      ${accuracy && !accuracy.paying && html`<p class="paying">Labelling more no longer pays: twice as many labels would bring less than a hundredth.</p>`}
      ${!accuracy && !told.fault && html`<p class="hint">${told.suggestions_from
        ? `Suggests from ${told.suggestions_from === "names" ? "the labels' names" : counted(told.labelled, "label")}.`
        : "Suggestions begin with ten labels, two of a kind."}</p>`}
    </section>`;
}
