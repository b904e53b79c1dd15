// A page that holds its data: reads them, and draws the page in place of what stands there without scripts.

import { html, render } from "./html.js";

/** Page: a component of `{data}`, which are those of the document. */
export function showPage(Page) {
  const main = document.getElementById("page");
  const before = [...main.childNodes];
  try {
    const data = JSON.parse(document.getElementById("data").textContent);
    main.replaceChildren();
    render(html`<${Page} data=${data} />`, main);
  } catch (error) {
    main.replaceChildren(...before);
    const told = document.createElement("p");
    told.setAttribute("role", "alert");
    told.textContent = `This page could not be drawn; the file may be damaged. ${error.message}`;
    main.append(told);
  }
}

/** The head of a page: its title, and what it is about in sentences. */
export function Lead({ data }) {
  return html`
    <header class="lead">
      <h1>${data.title}</h1>
      ${data.lead.map((sentence) => html`<p>${sentence}</p>`)}
    </header>`;
}

/** A part of a page, with a heading; `hint` says how to read it. */
export function Section({ title, hint, children }) {
  return html`
    <section>
      <h2>${title}</h2>
      ${hint && html`<p class="hint">${hint}</p>`}
      ${children}
    </section>`;
}
