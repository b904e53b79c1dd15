// One line that tells what has happened, also to those who hear the page.

import { html, Observable, useObservable } from "../shared/html.js";

class Said extends Observable {
  text = "";
}

const said = new Said();

export function say(text) {
  said.text = text;
  said.changed();
}

export function StatusLine() {
  useObservable(said);
  return html`<p id="status" role="status">${said.text}</p>`;
}
