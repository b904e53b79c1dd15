// The endpoint that the page lies beside, asked with a key that its reader gives; the key stays in the tab.

import { Observable } from "../shared/html.js";
import { NOT_UNDERSTOOD, Refusal } from "./exchange.js";
import { say } from "./said.js";
import { offeredBy, taskOf } from "./tasks.js";

const WRONG_KEY = "The endpoint does not accept this key. Check it and try again.";

export class KeyedEndpoint extends Observable {
  /** Ends with "/". */
  address;
  /** What it serves, once that is known. */
  task = "";
  /** Its own description (OpenAPI). */
  description = null;
  /** Whether its reader has to give a key, and what was wrong with the last one. */
  asking = false;
  message = "";
  /** Counts up whenever a key is asked for. */
  asked = 0;
  /** Why there is no connection. */
  problem = "";
  #key = "";
  #tried = "";
  #connection = new AbortController();
  #item;

  constructor(address) {
    super();
    this.address = address;
    this.#item = `tintype-key ${address}`;
  }

  get needsKey() {
    return this.#key !== "";
  }

  get name() {
    const part = this.address.split("/").at(-2);
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  }

  /** Connect with the key that the tab still has. */
  begin() {
    return this.connect(this.#stored());
  }

  again() {
    return this.connect(this.#tried);
  }

  forget() {
    this.#store("");
    return this.connect("");
  }

  /** Read what the endpoint serves; with "" as the key where it may need none. */
  async connect(secret) {
    this.#connection.abort();
    this.#connection = new AbortController();
    const { signal } = this.#connection;
    this.#tried = secret;
    this.problem = "";
    this.changed();
    say("Connecting …");
    try {
      const answer = await this.#ask("swagger.json", secret, { signal });
      if (signal.aborted) return;
      if (answer.response.status === 401) {
        this.ask(secret ? WRONG_KEY : "");
        return;
      }
      if (!answer.response.ok) throw new Refusal(refusalText(answer));
      const task = taskOf(answer.body);
      if (task === null) throw new Refusal("The endpoint names no task that this page knows.");
      this.#key = secret;
      this.#store(secret);
      Object.assign(this, { task, description: answer.body, asking: false, message: "" });
      say("Ready for pictures.");
    } catch (error) {
      if (signal.aborted) return;
      say("");
      this.problem = error instanceof Refusal ? error.message : NOT_UNDERSTOOD;
    }
    this.changed();
  }

  /** Ask for a key. */
  ask(message) {
    this.#key = "";
    this.#store("");
    Object.assign(this, { asking: true, message, asked: this.asked + 1 });
    say(message ? "" : "This endpoint needs a key.");
    this.changed();
  }

  /** See `Pictures`. */
  async score(body, signal, deployment = null) {
    const secret = this.#key;
    const started = performance.now();
    const answer = await this.#ask("score", secret, {
      method: "POST",
      // A deployment may answer in another style unless asked for this one.
      headers: { "Content-Type": "application/json", "X-Tintype-Response-Style": "probs", ...byName(deployment) },
      body,
      signal,
    });
    const milliseconds = performance.now() - started;
    // Once, however many answers say so, and not where a newer key has come meanwhile.
    if (answer.response.status === 401 && !signal.aborted && secret === this.#key && !this.asking) this.ask(secret ? WRONG_KEY : "");
    return {
      answer: answer.body,
      error: answer.response.ok ? null : refusalText(answer),
      status: answer.response.status,
      milliseconds,
      deployment: answer.response.headers.get("azureml-model-deployment"),
    };
  }

  /** See `Pictures`. */
  async offered(deployment, signal) {
    const answer = await this.#ask("swagger.json", this.#key, { headers: byName(deployment), signal });
    if (!answer.response.ok) throw new Refusal(refusalText(answer), answer.response.status);
    return offeredBy(answer.body) ?? { methods: [], unavailable: "The deployment that answered does not explain" };
  }

  /** Fetch `path` beside the page; `body` is null where the answer is not JSON. */
  async #ask(path, secret, options) {
    const headers = new Headers(options.headers);
    if (secret) headers.set("Authorization", `Bearer ${secret}`);
    let response, text;
    try {
      response = await fetch(this.address + path, { ...options, headers, cache: "no-store" });
      text = await response.text();
    } catch {
      throw new Refusal("The endpoint cannot be reached.");
    }
    try {
      return { response, body: JSON.parse(text) };
    } catch {
      return { response, body: null };
    }
  }

  /** Browsers may forbid storage: the key then lives as long as the page. */
  #store(secret) {
    try {
      if (secret) sessionStorage.setItem(this.#item, secret);
      else sessionStorage.removeItem(this.#item);
    } catch { /* Nothing to do. */ }
  }

  #stored() {
    try {
      return sessionStorage.getItem(this.#item) ?? "";
    } catch {
      return "";
    }
  }
}

/** The header that names a deployment. */
const byName = (deployment) => (deployment ? { "azureml-model-deployment": deployment } : {});

function refusalText({ response, body }) {
  const message = body?.error?.message;
  return typeof message === "string" && message ? message : `The endpoint answered with status ${response.status}.`;
}
