// Actions on their way to the server: in the order they were made, one at a time, each kept in the browser's
// storage until it is answered for. A killed page or server loses none; the server knows each by its client_id.

import { ask, projectPath } from "./api.js";
import { Observable } from "./html.js";

const PREFIX = "tintype-outbox ";
const WAITS_MS = [500, 1000, 2000, 5000];

let made = 0;

export class Outbox extends Observable {
  /** Entries that are not answered for: {key, person, project, route, body}. */
  entries = [];
  /** saved, saving, offline or signed-out. */
  state = "saved";
  /** Why the last try failed. */
  reason = "";
  /** Whether the browser keeps entries; else they live as long as the page. */
  kept = true;
  /** Called with (entry, answer) and (entry, refusal). */
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
    addEventListener("storage", (event) => this.#elsewhere(event));
  }

  /** Send an action later or at once; `body` without a client_id. Gives the entry. */
  add(project, route, body) {
    const client_id = crypto.randomUUID?.() ?? randomId();
    const order = `${String(Date.now()).padStart(15, "0")}-${String(made++).padStart(6, "0")}`;
    const entry = { key: `${PREFIX}${order}-${client_id}`, person: this.person, project, route, body: { client_id, ...body } };
    this.entries.push(entry);
    this.#keep(entry);
    this.wake();
    return entry;
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
    let tries = 0;
    while (this.entries.length) {
      const entry = this.entries[0];
      if (this.state !== "offline") this.#show("saving");
      try {
        const answer = await ask("POST", projectPath(entry.project, `/${entry.route}`), entry.body);
        tries = 0;
        this.#forget(entry);
        this.#rebase(entry.project, answer.pictures);
        this.#show("saving");
        this.onDone.forEach((listener) => listener(entry, answer));
      } catch (error) {
        if (error.status === 401) {
          this.#running = false;
          this.#show("signed-out");
          return;
        }
        if (error.status === undefined || error.status >= 500 || error.status === 429) {
          this.#show("offline", error.message);
          await this.#pause(WAITS_MS[Math.min(tries++, WAITS_MS.length - 1)]);
          continue;
        }
        this.#forget(entry);
        this.#show("saving");
        this.onRefused.forEach((listener) => listener(entry, error));
      }
    }
    this.#running = false;
    this.#show("saved");
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

  /** Another window has sent an entry that both had. */
  #elsewhere({ key, newValue }) {
    if (newValue !== null || !key?.startsWith(PREFIX) || this.entries[0]?.key === key) return;
    const before = this.entries.length;
    this.entries = this.entries.filter((entry) => entry.key !== key);
    if (this.entries.length !== before) this.changed();
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
