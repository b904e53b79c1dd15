// The endpoint's own page, served at <base>/; whatever it asks for lies beside it.
// Texts of the server and of files enter the page as text nodes, never as markup.

import { html, render, useEffect, useLayoutEffect, useObservable } from "../shared/html.js";
import { KeySection } from "./key_form.js";
import { KeyedEndpoint } from "./keyed_endpoint.js";
import { Pictures } from "./pictures.js";
import { Playground } from "./playground.js";
import { StatusLine } from "./said.js";
import { exampleLabels, offeredBy, TASKS } from "./tasks.js";

const endpoint = new KeyedEndpoint(location.origin + location.pathname.replace(/[^/]*$/, ""));
const pictures = new Pictures(endpoint);

function Page() {
  useObservable(endpoint);
  const { name, task, description, problem } = endpoint;
  const [heading, explanation] = TASKS[task] ?? ["Playground", ""];
  useEffect(() => {
    endpoint.begin();
  }, []);
  useLayoutEffect(() => {
    if (!task) return;
    const typed = document.getElementById("key-form").contains(document.activeElement) || document.activeElement === document.body;
    pictures.open(task, exampleLabels(description));
    document.title = `${name} · ${heading}`;
    if (typed && endpoint.needsKey && endpoint.asked) document.getElementById("drop").focus();
  }, [description]);
  return html`
    <header>
      <p id="endpoint">${name}</p>
      <h1 id="task">${heading}</h1>
      <p id="explanation">${explanation}</p>
    </header>
    <main>
      ${problem && html`
        <div id="problem" class="panel">
          <p id="problem-text" class="error" role="alert">${problem}</p>
          <button type="button" id="reconnect" onClick=${() => endpoint.again()}>Try again</button>
        </div>`}
      <${KeySection} endpoint=${endpoint} />
      <${Playground} pictures=${pictures} endpoint=${endpoint} offered=${offeredBy(description)} hidden=${!task} />
    </main>
    <${StatusLine} />`;
}

const root = document.getElementById("page");
root.replaceChildren();
render(html`<${Page} />`, root);
