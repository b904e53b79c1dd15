// Signing in by a password, and accepting an invitation.

import { acceptInvitation, session, signIn } from "./api.js";
import { Dialog } from "./dialog.js";
import { html, useEffect, useRef, useState } from "./html.js";

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

export function Invitation({ token }) {
  const [error, setError] = useState("");
  const password = useRef(null);
  useEffect(() => password.current.focus(), []);
  const submit = async (event) => {
    event.preventDefault();
    setError("");
    try {
      await acceptInvitation(token, password.current.value);
      // The token is used up, and stays in no list of visited pages.
      history.replaceState(null, "", "#/");
      dispatchEvent(new HashChangeEvent("hashchange"));
    } catch (failure) {
      setError(failure.message);
    }
  };
  return html`
    <main class="narrow panel">
      <h1>You are invited to label</h1>
      <form onSubmit=${submit}>
        <label for="password">Choose a password</label>
        <input id="password" ref=${password} type="password" autocomplete="new-password" required minlength="8" aria-describedby="password-hint invite-error" />
        <p id="password-hint" class="hint">You sign in with it next time.</p>
        <p id="invite-error" class="error" role="alert">${error}</p>
        <button type="submit" class="main">Begin</button>
      </form>
    </main>`;
}
