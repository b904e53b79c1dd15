// Why the model answers as it does about one picture: what is asked for, and what came of it.

import { Observable, percent } from "../shared/html.js";
import { NOT_UNDERSTOOD, Refusal } from "./exchange.js";
import { gridOf } from "./grid_picture.js";
import { say } from "./said.js";

/**
 * `source.offered(signal)` gives what the server says of explanations: `{methods: [{name, passes}], default,
 * unavailable, timeout_s}`; `source.explain(method, signal)` gives `[{label, share, picture}]`, the pictures being grids
 * as base64. Both throw a `Refusal`. `source.more_time`: what else helps where the time is too short.
 */
export class Explanation extends Observable {
  /** Whether it is in sight. */
  open = false;
  offered = null;
  /** The one that was chosen last, "" until it is known which there are. */
  method = "";
  busy = false;
  /** Since it was asked for. */
  seconds = 0;
  problem = "";
  /** `{label, share, grid}` of each label that is explained; null while there is no answer. */
  found = null;
  /** Which of `found` is in sight, and how. */
  shown = 0;
  view = "overlay";
  opacity = 100;
  #controller = new AbortController();
  #clock = 0;

  constructor(name, source) {
    super();
    this.name = name;
    this.source = source;
  }

  /** The label in sight; null where there is none. */
  get current() {
    return this.found?.[this.shown] ?? null;
  }

  /** Bring it in sight, asking for it where that has not been done, or put it away. */
  toggle() {
    this.open = !this.open;
    if (!this.open) this.stop();
    else if (this.found === null) this.ask();
    else this.changed();
  }

  /** Ask the model, by `method`. */
  async ask() {
    this.stop();
    const controller = new AbortController();
    const { signal } = controller;
    this.#controller = controller;
    Object.assign(this, { busy: true, seconds: 0, problem: "" });
    this.#clock = setInterval(() => this.set({ seconds: this.seconds + 1 }), 1000);
    say(`Explaining ${this.name} …`);
    this.changed();
    try {
      this.offered ??= await this.source.offered(signal);
      if (this.offered.unavailable) throw new Refusal(`No explanations: ${this.offered.unavailable}.`);
      this.method ||= this.offered.default;
      this.changed();
      const explained = await this.source.explain(this.method, signal);
      const found = await Promise.all(explained.map(async ({ picture, ...rest }) => ({ ...rest, grid: await gridOf(picture) })));
      if (signal.aborted) return;
      Object.assign(this, { found, shown: Math.min(this.shown, Math.max(0, found.length - 1)) });
      say(`${this.name}: ${this.current ? `what speaks for ${this.current.label}, ${percent(this.current.share, 1)}` : "no label is likely enough to be explained"}.`);
    } catch (error) {
      if (signal.aborted) return;
      this.problem = error instanceof Refusal ? this.#inWords(error) : NOT_UNDERSTOOD;
      say(`${this.name}: ${this.problem}`);
    }
    this.stop();
  }

  /** Nothing is waited for any more. */
  stop() {
    this.#controller.abort();
    clearInterval(this.#clock);
    this.busy = false;
    this.changed();
  }

  /** Stopped by its reader. */
  giveUp() {
    this.stop();
    say(`${this.name}: stopped.`);
  }

  /** The answer that was explained does not count any more. */
  forget() {
    Object.assign(this, { open: false, offered: null, found: null, problem: "" });
    this.stop();
  }

  set(changes) {
    Object.assign(this, changes);
    this.changed();
  }

  #inWords({ status, message }) {
    if (status === 408) {
      const { methods, timeout_s } = this.offered;
      const quicker = methods[0].name === this.method ? "" : methods[0].name;
      const help = [quicker ? `choose a quicker method (${quicker})` : "try again: the first explanation of a server takes longest", this.source.more_time].filter(Boolean).join(", or ");
      return `${this.method} was not done within ${timeout_s} s, which is as long as the server may take. ${sentence(help)}`;
    }
    if (status === 429) return `The server has as much to do as it takes (${message}). Try again in a few seconds.`;
    if (status === 501) return `Where the model runs, ${message}; then start it anew.`;
    return message;
  }
}

const sentence = (text) => (text ? `${text[0].toUpperCase()}${text.slice(1)}.` : "");
