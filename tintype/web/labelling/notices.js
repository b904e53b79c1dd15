// What was done, for eyes and screen readers alike; and what went wrong, until it is put away.

import { html, Observable, useObservable } from "../shared/html.js";

class Notices extends Observable {
  /** The last thing that was done. */
  text = "";
  /** {key, text, act, name}: what went wrong, with a way to mend it, if any. */
  problems = [];
  #count = 0;

  say(text) {
    // The same text twice in a row is read out again only where it differs.
    this.text = text === this.text ? `${text}\u00a0` : text;
    this.changed();
  }

  /** Keep a sentence in sight until it is put away; `act`, named `name`, is a button beside it. */
  warn(text, name = "", act = null) {
    if (this.problems.some((problem) => problem.text === text)) return;
    this.problems = [...this.problems.slice(-3), { key: this.#count++, text, name, act }];
    this.changed();
  }

  dismiss(problem) {
    this.problems = this.problems.filter((one) => one !== problem);
    this.changed();
  }
}

export const notices = new Notices();

/** Ask for a change, and say that it is done (`done` of the answer) or why it is not; gives the answer, or null. */
export async function changed(done, request) {
  try {
    const answer = await request();
    notices.say(done(answer));
    return answer;
  } catch (error) {
    notices.warn(error.message);
    return null;
  }
}

export function NoticeLine() {
  useObservable(notices);
  return html`
    <footer class="notices">
      <div role="alert" class="problems">
        ${notices.problems.map((problem) => html`
          <p key=${problem.key} class="problem">
            <span class="text">${problem.text}</span>
            ${problem.act && html`<button type="button" onClick=${() => { notices.dismiss(problem); problem.act(); }}>${problem.name}</button>`}
            <button type="button" aria-label="Put this message away" onClick=${() => notices.dismiss(problem)}>×</button>
          </p>`)}
      </div>
      <p role="status" class="said">${notices.text}</p>
    </footer>`;
}
