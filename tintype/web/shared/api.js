// The server's REST routes: sessions, the token against forged requests, and errors as sentences.

import { Observable } from "./html.js";

const TIMEOUT_MS = 30_000;

// Beside the folder that this module is served from: servers have their pages below a prefix.
const ROOT = new URL("../api", import.meta.url).pathname;

/** The address of a route, such as that of a picture. */
export const apiUrl = (path) => `${ROOT}${path}`;

/** The server said no; `status` is that of HTTP. */
export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** The server could not be reached, or did not answer in time. */
export class Unreachable extends Error {}

class Session extends Observable {
  person = null;
  local = false;
  /** Whether the labelling page is a part of the studio. */
  in_studio = false;
  csrf = "";
  /** Whether somebody has to sign in before anything goes on. */
  needed = false;
  /** Counts up whenever who is signed in was told. */
  turn = 0;

  take({ person, local, csrf, in_studio = false }) {
    Object.assign(this, { person, local, csrf, in_studio, needed: person === null, turn: this.turn + 1 });
    this.changed();
  }

  /** The server does not know us any more. */
  lost() {
    if (this.needed) return;
    this.needed = true;
    this.changed();
  }
}

export const session = new Session();

/** Ask who is signed in. Whoever was, and is not any more, keeps what is on the page. */
export async function readSession() {
  const told = await answered(await fetched("GET", "/session"));
  if (told.person !== null || session.person === null) session.take(told);
  else {
    session.csrf = told.csrf;
    session.lost();
  }
}

export async function signIn(name, password) {
  session.take(await ask("POST", "/session", { name, password }));
}

export async function signOut() {
  session.take(await ask("DELETE", "/session"));
}

/**
 * The JSON that a route answers with.
 *
 * `body` is sent as JSON, a Blob as it is. Throws `Refusal` or `Unreachable`.
 */
export async function ask(method, path, body, options = {}) {
  const { turn } = session;
  let response = await fetched(method, path, body, options);
  // Asked before somebody signed in, answered after: that says nothing of the session of now.
  if (response.status === 401 && session.turn !== turn && !session.needed) response = await fetched(method, path, body, options);
  if (response.status === 403 && method !== "GET") {
    const refusal = await refused(response);
    if (!refusal.message.includes("x-csrf-token")) throw refusal;
    // The token is as old as the server that gave it.
    const before = session.person;
    await readSession();
    const signsIn = path === "/session" || path === "/invites";
    if (!signsIn && (session.needed || session.person !== before)) throw new Refusal(401, "You are not signed in any more.");
    response = await fetched(method, path, body, options);
  }
  return answered(response);
}

/** A path with a query of what is neither undefined, null nor "". */
export function withQuery(path, query = {}) {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    (Array.isArray(value) ? value : [value]).filter((one) => one !== undefined && one !== null && one !== "").map((one) => [key, one]));
  return pairs.length ? `${path}?${new URLSearchParams(pairs)}` : path;
}

async function fetched(method, path, body, { signal, timeout = TIMEOUT_MS } = {}) {
  const headers = method === "GET" ? {} : { "x-csrf-token": session.csrf };
  const options = { method, headers, cache: "no-store", credentials: "same-origin" };
  if (body instanceof Blob) {
    options.body = body;
    headers["content-type"] = "application/octet-stream";
  } else if (body !== undefined) {
    options.body = JSON.stringify(body);
    headers["content-type"] = "application/json";
  }
  const limit = AbortSignal.timeout(timeout);
  options.signal = signal ? AbortSignal.any([signal, limit]) : limit;
  try {
    return await fetch(apiUrl(path), options);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreachable("The server cannot be reached.");
  }
}

async function answered(response) {
  const { turn } = session;
  if (!response.ok) throw await refused(response, turn);
  try {
    return await response.json();
  } catch {
    throw new Unreachable("The answer of the server was cut off.");
  }
}

async function refused(response, turn = session.turn) {
  let message = "";
  try {
    message = (await response.json()).error.message;
  } catch { /* No JSON: a proxy, perhaps. */ }
  if (response.status === 401 && session.turn === turn && !response.url.endsWith("/api/session")) session.lost();
  return new Refusal(response.status, message || `The server answered with status ${response.status}.`);
}
