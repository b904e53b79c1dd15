// One picture with its latest result.

import { Observable } from "../shared/html.js";
import { Explanation } from "./explanation.js";
import { percent } from "./tasks.js";

let made = 0;

export class Picture extends Observable {
  result = null;
  failed = false;
  busy = false;
  facts = "";
  /** What the latest answer comes to, in words. */
  summary = "";
  /** Whether the browser cannot show it; a model may still read it. */
  blank = false;
  controller = new AbortController();
  /** Which deployment of the endpoint gave the latest answer; null where it did not say. */
  deployment = null;
  /** Cosine similarity to every other picture with features. */
  similarity = new Map();

  /** `explanations(picture)` gives the source of its `Explanation`. */
  constructor(file, explanations) {
    super();
    this.file = file;
    this.explanation = new Explanation(file.name, explanations(this));
    this.id = `card-${++made}`;
    this.url = URL.createObjectURL(file);
  }

  /** Waiting for an answer; an older one stays in sight. */
  wait() {
    this.controller.abort();
    this.controller = new AbortController();
    this.explanation.forget();
    this.busy = true;
    this.facts = "Scoring …";
    this.changed();
  }

  fail(message, facts) {
    Object.assign(this, { result: null, failed: true, busy: false, summary: message, facts });
    this.changed();
  }

  succeed(result, facts) {
    const [first] = result.labels ?? [];
    const summary = result.features ? `${result.features.length} numbers` : first ? `${first.label}, ${percent(first.share)}` : "no labels";
    Object.assign(this, { result, failed: false, busy: false, summary, facts });
    this.changed();
  }

  /** Nothing of it stays in memory. */
  end() {
    this.controller.abort();
    this.explanation.forget();
    URL.revokeObjectURL(this.url);
  }
}
