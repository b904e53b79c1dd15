// The studio: who is signed in, which page the address names, and the frame around it.

import { readSession, session } from "../shared/api.js";
import { html, render, useEffect, useObservable, useState } from "../shared/html.js";
import { Frame } from "./frame.js";
import { Toasts } from "./parts/toasts.js";
import { Route } from "./router.js";
import { SignIn } from "./sign_in.js";

function Studio() {
  const [failure, setFailure] = useState(null);
  useObservable(session);
  const connect = () => {
    setFailure(null);
    readSession().catch(setFailure);
  };
  useEffect(connect, []);

  let content = html`<p role="status" class="wait">Connecting …</p>`;
  if (failure) {
    content = html`<div class="empty"><p role="alert" class="error">${failure.message}</p><button type="button" onClick=${connect}>Try again</button></div>`;
  } else if (session.needed) {
    content = html`<${SignIn} />`;
  } else if (session.person !== null) {
    // Another person begins anew.
    content = html`<${Route} key=${session.person} />`;
  }
  return html`<${Frame}>${content}<//><${Toasts} />`;
}

const root = document.getElementById("page");
root.replaceChildren();
render(html`<${Studio} />`, root);
