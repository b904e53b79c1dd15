// What is around every page: the name, the ways to the others, dark and light, who is signed in.

import { session, signOut } from "../shared/api.js";
import { html, useEffect, useObservable, useRef, useState } from "../shared/html.js";
import { connection } from "./events.js";
import { address } from "./router.js";

const PAGES = [
  { path: "/", name: "Home" },
  { path: "/data", name: "Data" },
  { path: "/jobs", name: "Jobs" },
  { path: "/models", name: "Models" },
  { path: "/endpoints", name: "Endpoints" },
  { path: "/labelling", name: "Labelling" },
];

// Pages that belong to another one.
const BELOW = {
  "/new-job": "/jobs", "/compare": "/jobs", "/catalog": "/models", "/compare-models": "/models", "/batch-endpoints": "/endpoints",
  "/new-labelling-project": "/labelling",
};

export function Frame({ children }) {
  useObservable(address, session);
  const top = `/${address.path.split("/")[1]}`;
  const current = BELOW[top] ?? top;
  const list = useRef(null);
  useEffect(() => list.current.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }), [current]);
  return html`
    <a class="skip" href="#content">To the content</a>
    <header class="frame">
      <a class="home" href="/">Tintype</a>
      <nav aria-label="Pages">
        <ul ref=${list}>${PAGES.map(({ path, name }) => html`
          <li key=${path}><a href=${path} aria-current=${path === current ? "page" : undefined}>${name}</a></li>`)}
        </ul>
      </nav>
      <${Connection} />
      <${Theme} />
      ${!session.local && session.person !== null && html`
        <button type="button" class="quiet" onClick=${() => signOut()}>${session.person} · sign out</button>`}
    </header>
    <main id="content" tabindex="-1">${children}</main>`;
}

function Connection() {
  useObservable(connection);
  if (connection.state !== "lost") return null;
  return html`<p class="lost" role="status">No connection: what is shown may be old.</p>`;
}

function Theme() {
  const dark = () => document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  const [, again] = useState(0);
  const change = () => {
    const theme = dark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem("tintype-theme", theme);
    } catch { /* It is kept for this page alone. */ }
    dispatchEvent(new Event("theme"));
    again((count) => count + 1);
  };
  return html`<button type="button" class="quiet theme" aria-label="Dark" aria-pressed=${dark()} onClick=${change}>${dark() ? "☾" : "☀"}</button>`;
}
