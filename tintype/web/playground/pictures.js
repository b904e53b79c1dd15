// All pictures, and their way to the endpoint: a few at once, the latest question counts.

import { Observable } from "../shared/html.js";
import { endpointExplanations } from "./endpoint_explanations.js";
import { bodyOf, labelsAsSent, NOT_UNDERSTOOD, readAnswer, Refusal } from "./exchange.js";
import { Picture } from "./picture.js";
import { say } from "./said.js";
import { counted, ZERO_SHOT } from "./tasks.js";

const REQUESTS_AT_ONCE = 4;
const DEBOUNCE_MS = 300;

/**
 * `endpoint.score(body, signal, deployment)` gives `{answer, error, status, milliseconds, deployment}`, where `error` is null or
 * what the endpoint said; it throws a `Refusal` where there was no answer. `endpoint.offered(deployment, signal)` gives what
 * that deployment says of explanations (see `Explanation`). Which answers is the endpoint's choice where `deployment` is null.
 */
export class Pictures extends Observable {
  all = [];
  task = "";
  /** Labels as they were typed. */
  typed = "";
  #endpoint;
  #waiting = [];
  #settled = new Set();
  #running = 0;
  #timer = 0;
  #nearestAsked = false;

  constructor(endpoint) {
    super();
    this.#endpoint = endpoint;
  }

  /** What the endpoint serves is known: score what has no result of it. */
  open(task, example) {
    const another = this.task !== task;
    this.task = task;
    if (task === ZERO_SHOT && !this.typed) this.typed = example;
    this.changed();
    for (const picture of this.all) if (another || !picture.result) this.score(picture);
  }

  get labels() {
    return this.task === ZERO_SHOT ? labelsAsSent(this.typed) : "";
  }

  /** Pictures of files; before the endpoint is known, they wait for it. */
  add(files) {
    if (!files.length) {
      say("No pictures in there.");
      return;
    }
    const added = files.map((file) => new Picture(file, (picture) => endpointExplanations(this.#endpoint, this, picture)));
    this.all = [...this.all, ...added];
    say(this.task ? `${counted(added.length)} added.` : `${counted(added.length)} will be sent once the endpoint is connected.`);
    this.changed();
    if (this.task) added.forEach((picture) => this.score(picture));
  }

  remove(picture) {
    this.all = this.all.filter((other) => other !== picture);
    picture.end();
    this.#forget(picture);
    this.changed();
    say(`${picture.file.name} removed.`);
  }

  clear() {
    for (const picture of this.all) picture.end();
    this.all = [];
    this.changed();
    say("All pictures removed.");
  }

  /** Other labels: every picture is scored anew once nothing more is typed. */
  type(text) {
    this.typed = text;
    // From here on, no answer to the older labels is shown.
    for (const picture of this.all) picture.wait();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.all.forEach((picture) => this.score(picture)), DEBOUNCE_MS);
    this.changed();
  }

  /** Score a picture anew; whatever is still under way for it no longer counts. */
  score(picture) {
    picture.wait();
    if (!this.#waiting.includes(picture)) this.#waiting.push(picture);
    this.#pump();
  }

  #pump() {
    while (this.#running < REQUESTS_AT_ONCE && this.#waiting.length) {
      const picture = this.#waiting.shift();
      this.#running += 1;
      this.#run(picture, picture.controller.signal).finally(() => {
        this.#running -= 1;
        this.#pump();
      });
    }
    if (this.#running || !this.#settled.size) return;
    const done = [...this.#settled];
    this.#settled.clear();
    const failed = done.filter((picture) => picture.failed).length;
    if (done.length === 1) say(`${done[0].file.name}: ${done[0].summary}`);
    else say(`${counted(done.length - failed)} scored${failed ? `, ${failed} failed` : ""}.`);
  }

  async #run(picture, signal) {
    if (signal.aborted) return;
    const { task, labels } = this;
    let facts = "";
    try {
      const body = await bodyOf(picture.file, labels);
      if (signal.aborted) return;
      const { answer, error, milliseconds, deployment } = await this.#endpoint.score(body, signal);
      if (signal.aborted) return;
      facts = [`${Math.max(1, Math.round(milliseconds))} ms`, deployment].filter(Boolean).join(" · ");
      if (error !== null) throw new Refusal(error);
      picture.deployment = deployment;
      const result = readAnswer(task, answer);
      picture.succeed(result, result.features ? `${facts} · ${result.features.length} numbers` : facts);
      if (result.features) this.#remember(picture);
    } catch (error) {
      if (signal.aborted) return;
      picture.fail(error instanceof Refusal ? error.message : NOT_UNDERSTOOD, facts);
      this.#forget(picture);
    }
    this.#settled.add(picture);
  }

  #remember(picture) {
    this.#forget(picture);
    const mine = picture.result.features;
    for (const other of this.all) {
      const theirs = other.result?.features;
      // Deployments behind one endpoint may have models of different sizes: those do not compare.
      if (other === picture || theirs?.length !== mine.length) continue;
      const cosine = mine.reduce((sum, value, place) => sum + value * theirs[place], 0);
      picture.similarity.set(other, cosine);
      other.similarity.set(picture, cosine);
    }
  }

  #forget(picture) {
    for (const other of picture.similarity.keys()) other.similarity.delete(picture);
    picture.similarity.clear();
    // Once for all changes before the next frame.
    if (this.#nearestAsked) return;
    this.#nearestAsked = true;
    requestAnimationFrame(() => {
      this.#nearestAsked = false;
      for (const other of this.all) if (other.result?.features) other.changed();
    });
  }
}
