// The top of every view: where one is, how far the project has come, and whether everything is saved.

import { session, signOut, studioPath } from "./api.js";
import { counted, html, percent, useEffect, useObservable, useRef } from "../shared/html.js";

/** `views` of the project, each {name, title}. */
export function Header({ outbox, project = null, view = "", views = [] }) {
  useObservable(session, ...(project ? [project] : []));
  const list = useRef(null);
  useEffect(() => list.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" }), [view]);
  return html`
    <header class="top">
      ${session.in_studio
        ? html`<a class="home" href=${studioPath(project?.name)}>‹ Studio</a>`
        : html`<a class="home" href="#/" aria-label="All projects">Tintype</a>`}
      ${project && html`<h1 title=${project.name}>${project.name}</h1>`}
      ${project && html`
        <nav aria-label="Views of the project">
          <ul ref=${list}>${views.map(({ name, title }) => html`
            <li key=${name}><a href=${`#/${encodeURIComponent(project.name)}/${name}`} aria-current=${name === view ? "page" : undefined}>${title}</a></li>`)}
          </ul>
        </nav>`}
      ${project && html`<${Progress} project=${project} />`}
      <${SaveState} outbox=${outbox} />
      ${!session.local && session.person !== null && html`
        <button type="button" class="quiet" onClick=${() => signOut()} aria-label=${`Sign out ${session.person}`}>${session.person} · sign out</button>`}
    </header>`;
}

function Progress({ project }) {
  const { done, total } = project.progress;
  const share = total ? done / total : 0;
  return html`
    <div class="progress" title=${`${done.toLocaleString("en")} of ${counted(total)} done`}>
      <progress max=${Math.max(total, 1)} value=${done} aria-label="Pictures done"></progress>
      <span>${done.toLocaleString("en")} / ${total.toLocaleString("en")}<span class="wide-only"> · ${percent(share)}</span></span>
    </div>`;
}

function SaveState({ outbox }) {
  useObservable(outbox);
  const count = outbox.entries.length;
  const text = {
    saved: "Saved",
    saving: count > 1 ? `Saving ${count}` : "Saving",
    offline: `Offline, ${count} to be sent`,
    "signed-out": `Signed out, ${count} to be sent`,
  }[outbox.shown];
  return html`
    <p class=${`save-state ${outbox.shown}`} role="status" title=${outbox.reason || undefined}>
      <span class="dot" aria-hidden="true"></span>${text}${!outbox.kept && count > 0 ? ", not kept by this browser" : ""}
      ${outbox.state === "offline" && html` <button type="button" class="quiet" onClick=${() => outbox.wake()}>Try now</button>`}
    </p>`;
}
