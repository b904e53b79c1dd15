// Signing in by a password, and accepting an invitation.

import { acceptInvitation, session, signIn } from "./api.js";
import { Dialog } from "../shared/dialog.js";
import { html, useEffect, useObservable, useRef, useState } from "../shared/html.js";

/** `again`: somebody was signed in, and is not any more. */
export function SignIn({ again }) {
  const form = again
    ? html`<${Dialog} title="Sign in again" onClose=${() => {}}><p>Your session has ended. What you have done is kept here, and sent when you are signed in.</p><${PasswordForm} name=${session.person} /><//>`
    : html`<main class="narrow panel"><h1>Sign in</h1><${PasswordForm} name="" /></main>`;
  return form;
}

function PasswordForm({ name }) {
  const [error, setError] = useState("");
  const fields = [useRef(null), useRef(null)];
  useEffect(() => fields[name ? 1 : 0].current.focus(), []);
  const submit = async (event) => {
    event.preventDefault();
    setError("");
    const before = session.person;
    try {
      await signIn(fields[0].current.value.trim(), fields[1].current.value);
      // Another person sees nothing of what the one before had open.
      if (before !== null && before !== session.person) location.hash = "#/";
    } catch (failure) {
      setError(failure.message);
      fields[1].current.select();
    }
  };
  return html`
    <form onSubmit=${submit}>
      <label for="name">Name</label>
      <input id="name" ref=${fields[0]} autocomplete="username" required defaultValue=${name} value=${undefined} aria-describedby="sign-in-error" />
      <label for="password">Password</label>
      <input id="password" ref=${fields[1]} type="password" autocomplete="current-password" required aria-describedby="sign-in-error" />
      <p id="sign-in-error" class="error" role="alert">${error}</p>
      <button type="submit" class="main">Sign in</button>
    </form>`;
}

/** Becoming a member: whoever has worked here before signs in, others choose a password. */
export function Invitation({ token }) {
  useObservable(session);
  const [known, setKnown] = useState(false);
  const [error, setError] = useState("");
  const password = useRef(null);
  const here = session.person !== null && !session.local;
  useEffect(() => password.current?.focus(), [known]);
  const accept = async (event) => {
    event.preventDefault();
    setError("");
    try {
      await acceptInvitation(token, here ? null : password.current.value);
      // The token is used up, and stays in no list of visited pages.
      history.replaceState(null, "", "#/");
      dispatchEvent(new HashChangeEvent("hashchange"));
    } catch (failure) {
      setError(failure.message);
    }
  };
  let content;
  if (here) {
    content = html`<form onSubmit=${accept}><p>You are signed in as ${session.person}.</p><button type="submit" class="main">Accept</button></form>`;
  } else if (known) {
    content = html`<${PasswordForm} name="" />`;
  } else {
    content = html`
      <form onSubmit=${accept}>
        <label for="password">Choose a password</label>
        <input id="password" ref=${password} type="password" autocomplete="new-password" required minlength="10" aria-describedby="password-hint" />
        <p id="password-hint" class="hint">You sign in with it next time.</p>
        <div class="row"><button type="submit" class="main">Begin</button>
          <button type="button" class="quiet" onClick=${() => setKnown(true)}>I have a password</button></div>
      </form>`;
  }
  return html`
    <main class="narrow panel">
      <h1>You are invited to label</h1>
      ${content}
      <p class="error" role="alert">${error}</p>
    </main>`;
}
