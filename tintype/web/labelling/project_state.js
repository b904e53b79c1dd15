// A project as the server tells it: labels, role, counts; looked at again after what changes them.

import { ask, projectPath } from "./api.js";
import { Observable } from "../shared/html.js";
import { labelsByKey } from "./labels.js";

const AGAIN_MS = 1500;
const ROLES = ["owner", "reviewer", "labeller"];

export class ProjectState extends Observable {
  #timer = 0;

  /** `told` is the answer of `GET /api/projects/{name}`. */
  constructor(told) {
    super();
    this.take(told);
  }

  static async load(name, signal) {
    return new ProjectState(await ask("GET", projectPath(name), undefined, { signal }));
  }

  take(told) {
    this.told = told;
    this.name = told.name;
    this.labels = told.labels;
    this.keys = labelsByKey(told.labels);
    this.multilabel = told.task === "image_classification_multilabel";
    this.running = told.state === "running";
    this.changed();
  }

  /** Whether the role of whoever is signed in is that or more. */
  allows(role) {
    return ROLES.indexOf(this.told.role) <= ROLES.indexOf(role);
  }

  /** Pictures that need no answer any more, and all. */
  get progress() {
    const { total, labelled, skipped, completed } = this.told.pictures;
    return { done: labelled + skipped + completed, total };
  }

  /** Pictures have gone from one state to another, each `{from, to}`: counted at once, and looked at again soon. */
  count(moves) {
    const pictures = { ...this.told.pictures };
    for (const { from, to } of moves) {
      pictures[from] -= 1;
      pictures[to] += 1;
    }
    this.take({ ...this.told, pictures });
    this.refreshSoon();
  }

  async refresh() {
    this.take(await ask("GET", projectPath(this.name)));
  }

  /** Look again soon, once for all that happens until then. */
  refreshSoon() {
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.refresh().catch(() => { /* It is looked at again after the next action. */ });
    }, AGAIN_MS);
  }
}
