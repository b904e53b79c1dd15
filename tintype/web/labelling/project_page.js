// One project: the view that the address names, below the header that all of them have.

import { Browse } from "./browse.js";
import { Groups } from "./groups.js";
import { Header } from "./header.js";
import { html, useEffect, useObservable, useLoaded } from "../shared/html.js";
import { Label } from "./label_view.js";
import { LikelyErrors } from "./likely_errors.js";
import { People } from "./people.js";
import { ProjectState } from "./project_state.js";
import { Review } from "./review.js";
import { Settings } from "./settings.js";
import { Similar } from "./similar.js";
import { Sure } from "./sure.js";

const VIEWS = [
  { name: "label", title: "Label", role: "labeller", view: Label },
  { name: "groups", title: "Look-alikes", role: "labeller", view: Groups },
  { name: "sure", title: "Sure suggestions", role: "labeller", view: Sure },
  { name: "browse", title: "Browse", role: "labeller", view: Browse },
  { name: "review", title: "Review", role: "reviewer", view: Review },
  { name: "errors", title: "Likely errors", role: "reviewer", view: LikelyErrors },
  { name: "people", title: "People", role: "reviewer", view: People },
  { name: "project", title: "Project", role: "owner", view: Settings },
];
// Reached from a picture, not from the header.
const HIDDEN = { similar: Similar };

export function ProjectPage({ address, outbox }) {
  const { value: project, error, reload } = useLoaded((signal) => ProjectState.load(address.name, signal), [address.name]);
  useEffect(() => { document.title = `${address.name} · Labelling`; }, [address.name]);
  if (!project) {
    return html`
      <${Header} outbox=${outbox} />
      <main class="empty">${error
        ? html`<p class="error" role="alert">${error.message}</p><button type="button" onClick=${reload}>Try again</button>`
        : html`<p role="status">Opening ${address.name} …</p>`}</main>`;
  }
  return html`<${Opened} project=${project} address=${address} outbox=${outbox} />`;
}

function Opened({ project, address, outbox }) {
  useObservable(project);
  const views = VIEWS.filter(({ role }) => project.allows(role));
  const View = HIDDEN[address.view] ?? (views.find(({ name }) => name === address.view) ?? views[0]).view;
  const go = (path) => { location.hash = `#/${encodeURIComponent(project.name)}/${path}`; };
  return html`
    <${Header} outbox=${outbox} project=${project} view=${address.view} views=${views} />
    <main class="view">
      <${View} key=${`${address.view} ${address.rest}`} project=${project} outbox=${outbox} address=${address} go=${go} />
    </main>`;
}
