// Pictures under heat maps of what speaks for their labels, which a slider fades.

import { html, useState } from "./html.js";
import { counted } from "./numbers.js";
import { Slider } from "./slider.js";

const SHARES = Array.from({ length: 21 }, (_, at) => at / 20);
const BEGIN = 13; // a map that hides no picture

const DETAILS = { pixels: "pixel by pixel", patches: "patch by patch, enlarged", windows: "window by window, enlarged", cells: "cell by cell, enlarged" };

/** How to read the maps, in a sentence. */
export const howToRead = ({ method, detail }) => `By ${method}, ${DETAILS[detail]}: the brighter, the more a place speaks for the label. Pictures are as the model gets them.`;

/** explained: `ExplainedPictures.data` of pages/explained.py. */
export function ExplainedPictures({ explained }) {
  const [at, setAt] = useState(BEGIN);
  const { pictures, failures } = explained;
  return html`
    ${pictures.length > 0 && html`
      <${Slider} label="Heat maps" values=${SHARES} at=${at} onAt=${setAt} text=${(share) => `${Math.round(100 * share)} %`} />
      <div class=${pictures.every(({ maps }) => maps.length === 1) ? "explained alone" : "explained"}>${pictures.map(({ name, picture, maps }, number) => html`
        <figure key=${number}>
          <div class="maps">${maps.map(({ label, part, confidence, picture: map }) => html`
            <div>
              <div class="layers">
                <img src=${picture} alt=${name} />
                <img src=${map} alt=${`what speaks for ${label}`} style=${{ opacity: SHARES[at] }} />
              </div>
              <p>${part && html`<span class="part">${part}</span>${" "}`}<strong>${label}</strong> ${confidence.toFixed(2)}</p>
            </div>`)}
          </div>
          <figcaption class="name">${name}</figcaption>
        </figure>`)}
      </div>`}
    ${failures.length > 0 && html`
      <details><summary>${counted(failures.length, "picture")} not explained</summary><ul>${failures.map((failure) => html`<li>${failure}</li>`)}</ul></details>`}`;
}
