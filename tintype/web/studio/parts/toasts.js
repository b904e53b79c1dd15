// Short notices in a corner: what was done, and what went wrong. Errors stay until they are closed.

import { html, Observable, useObservable } from "../../shared/html.js";

const SHOWN_MS = 6000;

class Notices extends Observable {
  all = [];
  #next = 0;

  add(kind, text) {
    const notice = { id: this.#next++, kind, text };
    this.all = [...this.all.slice(-3), notice];
    this.changed();
    if (kind !== "error") setTimeout(() => this.remove(notice.id), SHOWN_MS);
  }

  remove(id) {
    this.all = this.all.filter((notice) => notice.id !== id);
    this.changed();
  }
}

const notices = new Notices();

export const say = (text) => notices.add("done", text);
export const complain = (error) => notices.add("error", error.message ?? String(error));

export function Toasts() {
  useObservable(notices);
  return html`
    <div class="toasts" role="status" aria-live="polite">
      ${notices.all.map(({ id, kind, text }) => html`
        <div key=${id} class=${`toast ${kind}`}>
          <span>${text}</span>
          <button type="button" class="quiet" aria-label="Close this notice" onClick=${() => notices.remove(id)}>×</button>
        </div>`)}
    </div>`;
}
