// Which page an address names. Pages are modules, loaded when they are first looked at; addresses are the server's
// own, so that they can be kept and sent: `/jobs/NAME?tab=log`.
//
// A new page: a module in pages/ that exports `Page`, and a row here. `routes/page.py` knows the first part.

import { html, Observable, useEffect, useObservable } from "../shared/html.js";
import { LoadedComponent } from "./parts/modules.js";

const ROUTES = [
  { path: "/", title: "Home", load: () => import("./pages/home.js") },
  { path: "/jobs", title: "Jobs", load: () => import("./pages/jobs/list.js") },
  { path: "/jobs/:name", title: ({ name }) => name, load: () => import("./pages/jobs/run.js") },
  { path: "/new-job", title: "New job", load: () => import("./pages/jobs/new.js") },
  { path: "/compare", title: "Compare runs", load: () => import("./pages/jobs/compare.js") },
  { path: "/data", title: "Data", load: () => import("./pages/data/list.js") },
  { path: "/data/table", title: "Pictures", load: () => import("./pages/data/table.js") },
  { path: "/data/picture", title: "Picture", load: () => import("./pages/data/picture.js") },
  { path: "/models", title: "Models", load: () => import("./pages/models/list.js") },
  { path: "/models/:name", title: ({ name }) => name, load: () => import("./pages/models/version.js") },
  { path: "/catalog", title: "Catalog", load: () => import("./pages/models/catalog.js") },
  { path: "/catalog/:name", title: ({ name }) => name, load: () => import("./pages/models/card.js") },
  { path: "/compare-models", title: "Compare models", load: () => import("./pages/models/compare.js") },
  { path: "/compare-models/:id", title: "Compare models", load: () => import("./pages/models/compared.js") },
  { path: "/endpoints", title: "Endpoints", load: () => import("./pages/endpoints/list.js") },
  { path: "/endpoints/:name", title: ({ name }) => name, load: () => import("./pages/endpoints/endpoint.js") },
  { path: "/batch-endpoints/:name", title: ({ name }) => name, load: () => import("./pages/endpoints/batch_endpoint.js") },
  { path: "/labelling", title: "Labelling", load: () => import("./pages/labelling/list.js") },
  { path: "/labelling/:name", title: ({ name }) => name, load: () => import("./pages/labelling/project.js") },
  { path: "/new-labelling-project", title: "New labelling project", load: () => import("./pages/labelling/new.js") },
];

class Address extends Observable {
  constructor() {
    super();
    this.read();
    addEventListener("popstate", () => this.read());
  }

  read() {
    this.path = location.pathname;
    this.query = new URLSearchParams(location.search);
    this.changed();
  }
}

export const address = new Address();

/** Go to an address of the studio; `replace`: the one of now is no place to come back to. */
export function go(to, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", to);
  address.read();
  if (!replace) scrollTo(0, 0);
}

/** Change some of the address's query, in place; undefined, null and "" take a part away. */
export function setQuery(changes, { replace = true } = {}) {
  const query = new URLSearchParams(location.search);
  for (const [key, value] of Object.entries(changes)) {
    query.delete(key);
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") query.append(key, one);
    }
  }
  const text = query.toString();
  go(location.pathname + (text ? `?${text}` : ""), { replace });
}

/** Links of the page lead within it, unless a key asks for another tab. */
function followed(event) {
  const link = event.target.closest?.("a[href]");
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  if (!link || !plain || event.defaultPrevented || link.target || link.hasAttribute("download")) return;
  if (link.origin !== location.origin || link.pathname.startsWith("/api/") || link.hash) return;
  event.preventDefault();
  go(link.pathname + link.search);
}
addEventListener("click", followed);

/** The route of a path, and what its `:parts` are; null where there is none. */
export function routeOf(path) {
  const given = path.replace(/\/+$/, "").split("/");
  for (const route of ROUTES) {
    const wanted = route.path === "/" ? [""] : route.path.split("/");
    if (wanted.length !== given.length) continue;
    const parts = {};
    const fits = wanted.every((part, index) => {
      if (!part.startsWith(":")) return part === given[index];
      parts[part.slice(1)] = decoded(given[index]);
      return given[index] !== "";
    });
    if (fits) return { route, parts };
  }
  return null;
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

// Loaded while it is found out who is signed in.
routeOf(location.pathname)?.route.load().catch(() => {});

/** The page that the address names. */
export function Route() {
  useObservable(address);
  const found = routeOf(address.path);
  const title = found && (typeof found.route.title === "function" ? found.route.title(found.parts) : found.route.title);
  useEffect(() => {
    document.title = `${title ?? "Not found"} · Tintype`;
  }, [title]);

  if (!found) return html`<div class="empty"><h1>There is nothing at this address</h1><a href="/">Go to the first page</a></div>`;
  return html`<${LoadedComponent} key=${JSON.stringify([found.route.path, found.parts])} load=${found.route.load} exported="Page" ...${found.parts} query=${address.query} />`;
}
