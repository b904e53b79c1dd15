// The labelling page: who is signed in, which view its address names, and what all views share.

import { html, render, useEffect, useObservable, useState } from "../shared/html.js";
import { readSession, session } from "./api.js";
import { NoticeLine } from "./notices.js";
import { Outbox } from "./outbox.js";
import { ProjectList } from "./project_list.js";
import { ProjectPage } from "./project_page.js";
import { Invitation, SignIn } from "./sign_in.js";

/** What the address after # says: an invitation's token, or a project, a view of it and what that is of. */
function readAddress() {
  const text = location.hash.slice(1);
  if (text.startsWith("invite=")) return { invite: text.slice("invite=".length) };
  const [path, query = ""] = text.split("?");
  const [name = "", view = "label", rest = ""] = path.split("/").filter(Boolean).map(decoded);
  return { name, view, rest, query: new URLSearchParams(query) };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function Page() {
  const [address, setAddress] = useState(readAddress);
  const [outbox, setOutbox] = useState(null);
  const [failure, setFailure] = useState(null);
  useObservable(session);
  const connect = () => {
    setFailure(null);
    readSession().catch(setFailure);
  };
  useEffect(() => {
    const moved = () => setAddress(readAddress());
    addEventListener("hashchange", moved);
    connect();
    return () => removeEventListener("hashchange", moved);
  }, []);
  useEffect(() => {
    if (session.person === null) return;
    if (outbox?.person === session.person) {
      outbox.wake();
      return;
    }
    const made = new Outbox(session.person);
    setOutbox(made);
    made.wake();
  }, [session.person, session.needed]);

  let content = null;
  if (failure) {
    content = html`<main class="empty"><p role="alert" class="error">${failure.message}</p><button type="button" onClick=${connect}>Try again</button></main>`;
  } else if (address.invite !== undefined) {
    content = html`<${Invitation} token=${address.invite} />`;
  } else if (session.person !== null && outbox) {
    content = address.name
      ? html`<${ProjectPage} key=${`${session.person} ${address.name}`} address=${address} outbox=${outbox} />`
      : html`<${ProjectList} key=${session.person} outbox=${outbox} />`;
  }
  return html`
    ${content ?? (!session.needed && html`<main class="empty"><p role="status">Connecting …</p></main>`)}
    ${session.needed && address.invite === undefined && html`<${SignIn} again=${session.person !== null} />`}
    <${NoticeLine} />`;
}

const root = document.getElementById("page");
root.replaceChildren();
render(html`<${Page} />`, root);
