// Actions on their way to the server: in the order they were made, one at a time, each kept in the browser's
// storage until it is answered for. A killed page or server loses none; the server knows each by its client_id, so
// that windows may send what others have sent already.

import { ask, projectPath, session } from "./api.js";
import { Observable } from "../shared/html.js";
import { notices } from "./notices.js";

const PREFIX = "tintype-outbox ";
// Half of it more or less, so that not everybody comes in the moment in which the server is there again.
const WAITS_MS = [500, 1000, 2000, 5000];
const someOf = (milliseconds) => milliseconds * (0.5 + Math.random());

let made = 0;

export class Outbox extends Observable {
  /** Entries that are not answered for: {key, person, project, route, body}. */
  entries = [];
  /** saved, saving, offline or signed-out. */
  state = "saved";
  /** Keys that wait for an undo's answer: what they ask for is not here yet. */
  awaited = 0;
  /** Why the last try failed. */
  reason = "";
  /** Whether the browser keeps entries; else they live as long as the page. */
  kept = true;
  /** Called with (entry, answer) and (entry, refusal); the latter give whether they have told of it. */
  onDone = new Set();
  onRefused = new Set();
  person;
  #running = false;
  #woken = () => {};

  constructor(person) {
    super();
    this.person = person;
    this.entries = stored().filter((entry) => entry.person === person);
    addEventListener("online", () => this.wake());
  }

  /** Send an action later or at once; `body` without a client_id. Gives the entry. */
  add(project, route, body) {
    const client_id = crypto.randomUUID?.() ?? randomId();
    const order = `${String(Date.now()).padStart(15, "0")}-${String(made++).padStart(6, "0")}`;
    const entry = { key: `${PREFIX}${order}-${client_id}`, person: this.person, project, route, body: { client_id, ...body } };
    this.entries.push(entry);
    this.#keep(entry);
    this.changed();
    this.wake();
    return entry;
  }

  /** `state`, but for the moment in which nothing is sent, and something is about to be. */
  get shown() {
    return this.state === "saved" && (this.entries.length || this.awaited) ? "saving" : this.state;
  }

  /** Keys that wait have become more, or fewer. */
  await(count) {
    this.awaited += count;
    this.changed();
  }

  /** Pictures of a project whose answers are on their way. */
  pictures(project) {
    const found = new Set();
    for (const { body, ...entry } of this.entries) {
      if (entry.project === project && (body.kind === "label" || body.kind === "skip")) body.pictures.forEach((id) => found.add(id));
    }
    return found;
  }

  /** Send what there is, at once. */
  wake() {
    this.#woken();
    this.#run();
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    // One window after the other, so that what several of them hold goes out in order from each.
    const send = () => this.#send();
    await (navigator.locks ? navigator.locks.request("tintype-outbox", send) : send());
    this.#running = false;
    if (this.entries.length && this.state !== "signed-out") this.#run();
  }

  async #send() {
    let tries = 0;
    while (this.entries.length) {
      const entry = this.entries[0];
      // What one person did is never sent as another's.
      if (session.person !== this.person) return this.#show("signed-out");
      if (this.state !== "offline") this.#show("saving");
      try {
        const answer = await ask("POST", projectPath(entry.project, `/${entry.route}`), entry.body);
        tries = 0;
        this.#forget(entry);
        this.#rebase(entry.project, answer.pictures);
        this.#show("saving");
        this.onDone.forEach((listener) => listener(entry, answer));
      } catch (error) {
        if (error.status === 401) return this.#show("signed-out");
        if (error.status === undefined || error.status >= 500 || error.status === 429) {
          this.#show("offline", error.message);
          await this.#pause(someOf(WAITS_MS[Math.min(tries++, WAITS_MS.length - 1)]));
          continue;
        }
        this.#forget(entry);
        this.#show("saving");
        const told = [...this.onRefused].map((listener) => listener(entry, error)).some(Boolean);
        if (!told) notices.warn(`Not saved (${entry.body.kind ?? entry.route} in ${entry.project}): ${error.message}`);
      }
    }
    return this.#show("saved");
  }

  /** Later actions about the same pictures were made in sight of what this one did. */
  #rebase(project, pictures) {
    const revisions = new Map(pictures.map(({ id, revision }) => [id, revision]));
    for (const entry of this.entries) {
      if (entry.project !== project || !entry.body.revisions) continue;
      const stale = Object.keys(entry.body.revisions).filter((id) => revisions.has(Number(id)));
      if (!stale.length) continue;
      for (const id of stale) entry.body.revisions[id] = revisions.get(Number(id));
      this.#keep(entry);
    }
  }

  #show(state, reason = "") {
    this.state = state;
    this.reason = reason;
    this.changed();
  }

  #pause(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#woken = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #keep(entry) {
    try {
      localStorage.setItem(entry.key, JSON.stringify(entry));
    } catch {
      this.kept = false;
    }
  }

  #forget(entry) {
    this.entries = this.entries.filter((one) => one !== entry);
    try {
      localStorage.removeItem(entry.key);
    } catch { /* It was never there. */ }
  }
}

/** All entries in the order they were made, of every person that uses this browser. */
function stored() {
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX)).sort();
    return keys.map((key) => JSON.parse(localStorage.getItem(key)));
  } catch {
    return [];
  }
}

/** Where the page is not served securely, browsers have no randomUUID. */
const randomId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
