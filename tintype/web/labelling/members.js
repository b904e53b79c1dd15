// Who may do what in a project, and links by which others become members.

import { ask, projectPath, session } from "./api.js";
import { html, useLoaded, useRef, useState } from "../shared/html.js";
import { changed } from "./notices.js";

const ROLES = ["labeller", "reviewer", "owner"];

export function Members({ project }) {
  const { value: members, error, reload } = useLoaded((signal) => ask("GET", projectPath(project.name, "/members"), undefined, { signal }), []);
  const [link, setLink] = useState(null);
  const form = useRef(null);
  const path = (person) => projectPath(project.name, `/members/${encodeURIComponent(person)}`);
  const setRole = async (person, role) => {
    await changed(() => `${person} is ${role} now`, () => ask("PUT", path(person), { role }));
    reload();
  };
  const remove = async (person) => {
    await changed(() => `${person} is no member any more`, () => ask("DELETE", path(person)));
    reload();
  };
  const invite = async (event) => {
    event.preventDefault();
    const { person, role } = Object.fromEntries(new FormData(form.current));
    const made = await changed(() => `The link for ${person} is below; it is good for a week, once`, () => ask("POST", projectPath(project.name, "/invites"), { person, role }));
    if (!made) return;
    setLink({ person, url: `${location.origin}/#invite=${made.token}` });
    form.current.reset();
    reload();
  };
  return html`
    <section class="panel" aria-labelledby="members-heading">
      <h2 id="members-heading">Members</h2>
      ${error && html`<p class="error" role="alert">${error.message}</p>`}
      ${session.local && html`<p class="hint">On this machine nobody signs in: whoever sits here is owner. Members sign in where the server is reached from elsewhere (tintype label serve --host).</p>`}
      <ul class="members">
        ${members?.map(({ person, role }) => html`
          <li key=${person}>
            <span class="name">${person}</span>
            <select aria-label=${`Role of ${person}`} value=${role} onChange=${(event) => setRole(person, event.target.value)}>${ROLES.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select>
            <button type="button" class="quiet" aria-label=${`Remove ${person}`} onClick=${() => remove(person)}>Remove</button>
          </li>`)}
        ${members?.length === 0 && html`<li class="hint">There are none.</li>`}
      </ul>
      <form ref=${form} class="fields" onSubmit=${invite}>
        <h3>Invite somebody</h3>
        <label>Name <input name="person" required maxlength="255" autocomplete="off" /></label>
        <label>Role <select name="role">${ROLES.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select></label>
        <button type="submit">Make a link</button>
      </form>
      ${link && html`<p><label>Link for ${link.person} <input readonly value=${link.url} onFocus=${(event) => event.target.select()} /></label></p>`}
    </section>`;
}
