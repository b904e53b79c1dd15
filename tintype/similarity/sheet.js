// The page of similar pictures: a query with its neighbours, or a group of near-duplicates, in each section. Its data
// are those of sheet.py.

import { Pager } from "../pages/components/data_table.js";
import { html, useMemo, useState } from "../pages/components/html.js";
import { counted } from "../pages/components/numbers.js";
import { PictureGrid } from "../pages/components/picture_grid.js";
import { Lead, Section, showPage } from "../pages/components/show_page.js";
import { Slider } from "../pages/components/slider.js";

const SECTIONS = 20; // of one page
const STEPS = 100;

function Page({ data }) {
  const cosines = useMemo(() => data.sections.flatMap(({ pictures }) => pictures.map(({ cosine }) => cosine)).filter((cosine) => cosine !== null), [data]);
  const steps = useMemo(() => stepsOf(cosines), [cosines]);
  const [at, setAt] = useState(0);
  const [words, setWords] = useState("");
  const [first, setFirst] = useState(0);
  const found = useMemo(() => {
    const wanted = words.trim().toLowerCase();
    return data.sections
      .map((section) => ({ ...section, pictures: section.pictures.filter(({ cosine }) => cosine === null || cosine >= steps[at]) }))
      // What is alone has nothing that it is like.
      .filter(({ pictures }) => at === 0 || pictures.length > 1)
      .filter(({ title, pictures }) => !wanted || [title, ...pictures.map(({ name }) => name)].some((text) => text.toLowerCase().includes(wanted)))
      .map(({ title, pictures, left }) => ({ title, left, items: pictures.map(item) }));
  }, [data, at, words]);
  const start = first < found.length ? first : 0;
  return html`
    <${Lead} data=${data} />
    ${data.sections.length > 0 && html`
      <div class="controls row">
        <label>Search <input type="search" value=${words} onInput=${(event) => setWords(event.target.value)} /></label>
        ${steps.length > 1 && html`<${Slider} label="Cosine at least" values=${steps} at=${at} onAt=${setAt} text=${(value) => value.toFixed(4)} />`}
        <span class="hint" role="status">${counted(found.length, "section")}</span>
      </div>`}
    ${found.slice(start, start + SECTIONS).map(({ title, items, left }) => html`
      <${Section} key=${title} title=${title}>
        <${PictureGrid} items=${items} none="None." />
        ${left > 0 && html`<p class="hint">And ${counted(left, "more picture")}.</p>`}
      <//>`)}
    ${found.length > SECTIONS && html`<${Pager} first=${start} page=${SECTIONS} total=${found.length} onFirst=${setFirst} />`}`;
}

const item = ({ name, cosine, picture, reason }) => ({ src: picture, reason, name, alt: name, caption: cosine === null ? "query" : cosine.toFixed(4), mark: "" });

/** Places of the slider, from the least cosine to the greatest. */
function stepsOf(cosines) {
  const low = cosines.reduce((least, cosine) => Math.min(least, cosine), 1);
  const high = cosines.reduce((most, cosine) => Math.max(most, cosine), low);
  return high > low ? Array.from({ length: STEPS + 1 }, (_, step) => low + ((high - low) * step) / STEPS) : [low];
}

showPage(Page);
