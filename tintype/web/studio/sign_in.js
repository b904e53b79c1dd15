// Signing in, where the studio is reached from other machines.

import { signIn } from "../shared/api.js";
import { html, useEffect, useRef, useState } from "../shared/html.js";

export function SignIn() {
  const [error, setError] = useState("");
  const name = useRef(null);
  const password = useRef(null);
  useEffect(() => name.current.focus(), []);
  const submit = async (event) => {
    event.preventDefault();
    setError("");
    try {
      await signIn(name.current.value.trim(), password.current.value);
    } catch (failure) {
      setError(failure.message);
      password.current.select();
    }
  };
  return html`
    <form class="panel narrow" onSubmit=${submit}>
      <h1>Sign in</h1>
      <label for="name">Name</label>
      <input id="name" ref=${name} autocomplete="username" required aria-describedby="sign-in-error" />
      <label for="password">Password</label>
      <input id="password" ref=${password} type="password" autocomplete="current-password" required aria-describedby="sign-in-error" />
      <p id="sign-in-error" class="error" role="alert">${error}</p>
      <div class="row"><button type="submit" class="main">Sign in</button></div>
    </form>`;
}
