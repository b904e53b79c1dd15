// What changes in the workspace, told by the server: nothing here polls. One connection for all that the page looks
// at; it is given up while nobody sees the page, and after a sleep or a break everything is asked for again.

import { readSession, session } from "../shared/api.js";
import { Observable, useEffect } from "../shared/html.js";

const HIDDEN_MS = 10_000;
const SETTLE_MS = 50;
const FIRST_RETRY_MS = 1000;
const MOST_RETRY_MS = 5000;

// The server says something at least every 15 s.
const SILENT_MS = 40_000;

class Connection extends Observable {
  /** "idle", "open" or "lost". */
  state = "idle";
  #source = null;
  #topics = "";
  #listeners = new Map();
  #timer = 0;
  #retry = FIRST_RETRY_MS;
  #hidden = 0;
  #heard = 0;

  constructor() {
    super();
    document.addEventListener("visibilitychange", () => this.#seen());
    addEventListener("online", () => this.#settle(0));
    addEventListener("pageshow", (event) => event.persisted && this.#again());
    session.subscribe(() => this.#settle(0));
    setInterval(() => {
      // A computer that slept, or a proxy that forgot us: the connection only looks alive.
      if (this.#source && performance.now() - this.#heard > SILENT_MS) this.#again();
    }, 10_000);
  }

  /** Call `listener(parts)` when `topic` changes (null: anything may have); gives what ends that. */
  listen(topic, listener) {
    const key = { topic, listener };
    this.#listeners.set(key, topic);
    this.#settle();
    return () => {
      this.#listeners.delete(key);
      this.#settle();
    };
  }

  #settle(wait = SETTLE_MS) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), wait);
  }

  #again() {
    this.#close();
    this.#settle(0);
  }

  #seen() {
    clearTimeout(this.#hidden);
    if (document.visibilityState === "hidden") {
      this.#hidden = setTimeout(() => this.#close(), HIDDEN_MS);
    } else if (!this.#source) {
      this.#settle(0);
    }
  }

  #open() {
    const topics = [...new Set(this.#listeners.values())].sort().join(" ");
    if (this.#source && topics === this.#topics) return;
    this.#close();
    if (!topics || session.needed || session.person === null || document.visibilityState === "hidden") return;
    this.#topics = topics;
    const query = new URLSearchParams(topics.split(" ").map((topic) => ["topic", topic]));
    const source = new EventSource(`/api/events?${query}`);
    this.#source = source;
    this.#heard = performance.now();
    source.addEventListener("open", () => {
      this.#retry = FIRST_RETRY_MS;
      this.#heard = performance.now();
      this.#become("open");
      // What has changed until now was not told.
      for (const { listener } of [...this.#listeners.keys()]) listener(null);
    });
    source.addEventListener("beat", () => {
      this.#heard = performance.now();
    });
    source.addEventListener("change", (event) => {
      this.#heard = performance.now();
      const { topic, parts } = JSON.parse(event.data);
      for (const each of [...this.#listeners.keys()]) if (each.topic === topic) each.listener(parts);
    });
    source.addEventListener("error", () => {
      if (this.#source !== source) return;
      this.#close();
      this.#become("lost");
      this.#settle(this.#retry);
      this.#retry = Math.min(2 * this.#retry, MOST_RETRY_MS);
      // It may be that nobody is signed in any more, or that another server has another token.
      readSession().catch(() => {});
    });
  }

  #close() {
    this.#source?.close();
    this.#source = null;
    this.#topics = "";
  }

  #become(state) {
    if (state === this.state) return;
    this.state = state;
    this.changed();
  }
}

export const connection = new Connection();

/** Call `changed(parts)` for as long as the component is there; null: anything may be another one. */
export function useEvents(topic, changed, inputs = []) {
  useEffect(() => (topic ? connection.listen(topic, changed) : undefined), [topic, ...inputs]);
}
