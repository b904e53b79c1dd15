// What each person has done, and how far people agree.

import { ask, projectPath } from "./api.js";
import { html, useLoaded } from "../shared/html.js";

const number = (value, digits = 2) => (value === null ? "–" : value.toFixed(digits));

export function People({ project }) {
  const { value, error, reload } = useLoaded((signal) => ask("GET", projectPath(project.name, "/people"), undefined, { signal }), []);
  return html`
    <section class="page-of" aria-labelledby="people-heading">
      <header class="row"><h2 id="people-heading">People</h2><button type="button" onClick=${reload}>Look again</button></header>
      ${error && html`<p class="error" role="alert">${error.message}</p>`}
      ${value && html`
        <div class="scroll" tabindex="0" role="group" aria-label="Throughput">
          <table>
            <caption>Throughput</caption>
            <thead><tr><th scope="col">Person</th><th scope="col">Answers</th><th scope="col">Last hour</th><th scope="col">Seconds a picture</th></tr></thead>
            <tbody>
              ${value.people.map((one) => html`
                <tr key=${one.person}><th scope="row">${one.person}</th><td>${one.answers}</td><td>${one.last_hour}</td><td>${number(one.seconds, 1)}</td></tr>`)}
              ${value.people.length === 0 && html`<tr><td colspan="4">Nobody has answered yet.</td></tr>`}
            </tbody>
          </table>
        </div>
        <h3>Agreement</h3>
        ${value.kappas.length === 0
          ? html`<p class="hint">There are no pictures that several people answered.</p>`
          : html`
            <p>Krippendorff's alpha of all: <strong>${number(value.alpha)}</strong></p>
            <div class="scroll" tabindex="0" role="group" aria-label="Agreement of each two">
              <table>
                <caption>Cohen's kappa of each two</caption>
                <thead><tr><th scope="col">People</th><th scope="col">Kappa</th><th scope="col">Pictures in common</th></tr></thead>
                <tbody>${value.kappas.map((one) => html`
                  <tr key=${one.people.join()}><th scope="row">${one.people.join(" and ")}</th><td>${number(one.kappa)}</td><td>${one.pictures}</td></tr>`)}
                </tbody>
              </table>
            </div>`}`}
    </section>`;
}
