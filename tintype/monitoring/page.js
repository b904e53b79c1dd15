// The page of a monitor. Its data are those of page.py.

import { Chart } from "../pages/components/chart.js";
import { DataTable } from "../pages/components/data_table.js";
import { html, useMemo, useState } from "../pages/components/html.js";
import { counted, figure, percent, share } from "../pages/components/numbers.js";
import { PictureGrid } from "../pages/components/picture_grid.js";
import { Lead, Section, showPage } from "../pages/components/show_page.js";

const UNIT = [0, 1];
const PICTURES = 12;

function Page({ data }) {
  return html`
    <${Lead} data=${data} />
    ${data.notices.map((sentence) => html`<p class="hint">${sentence}</p>`)}
    <${Pictures} data=${data} />
    <${Tests} data=${data} />
    <${OverTime} data=${data} />
    <${Accuracy} data=${data} />
    <${Labels} data=${data} />
    <${Statistics} data=${data} />`;
}

const NAMES = { drifted: "Of the window", typical: "Typical of the baseline", missed: "What the window lacks" };

function Pictures({ data }) {
  const { pictures } = data;
  const items = useMemo(() => Object.fromEntries(Object.entries(pictures).map(([kind, all]) => [kind, all.map(({ name, picture, label, score, witness }) => ({
    src: picture, name, alt: `${NAMES[kind]}: ${label ?? name}`, mark: "", reason: "no longer kept",
    caption: `${label === null ? "" : `${label} ${percent(score)}; `}${witness > 0 ? "+" : ""}${witness.toFixed(3)}`,
  }))])), [pictures]);
  if (pictures.drifted.length === 0) return null;
  return html`
    <${Section} title="Pictures that drifted most" hint="The number under a picture is the witness of the difference: above zero where the window has more pictures like this one than the baseline, below zero where it has fewer.">
      ${["drifted", "typical", "missed"].map((kind) => html`
        <h3>${NAMES[kind]}</h3>
        <${PictureGrid} items=${items[kind]} page=${PICTURES} />`)}
    <//>`;
}

function Tests({ data }) {
  return html`
    <${Section} title="Tests of this window" hint=${`A test counts where its p-value, adjusted for all tests together (Holm), is ${data.significance} or less.`}>
      ${data.tests.length === 0 ? html`<p role="status">Nothing was tested.</p>` : html`
      <${DataTable} label="Tests" rows=${data.tests} sorted=${{ by: 6, descending: false }} rowProps=${({ drifted }) => ({ class: drifted ? "lit" : "" })} columns=${[
        { title: "signal", value: ({ signal }) => signal },
        { title: "test", value: ({ name }) => name },
        { title: "statistic", value: ({ statistic }) => statistic, draw: ({ statistic }) => figure(statistic), end: true },
        { title: "baseline", value: ({ baseline }) => baseline, draw: ({ baseline }) => figure(baseline), end: true },
        { title: "window", value: ({ window }) => window, draw: ({ window }) => figure(window), end: true },
        { title: "p", value: (test) => test.p_value, draw: (test) => figure(test.p_value), end: true },
        { title: "adjusted p", value: ({ adjusted }) => adjusted, draw: ({ adjusted }) => figure(adjusted), end: true },
        { title: "counts", value: ({ drifted }) => (drifted ? "yes" : "no") },
      ]} />`}
    <//>`;
}

function OverTime({ data }) {
  const { windows } = data;
  const series = useMemo(() => {
    const names = [...new Set(windows.flatMap(({ evidence }) => Object.keys(evidence)))];
    return names.map((name) => {
      const there = windows.filter(({ evidence }) => name in evidence);
      return {
        name, dots: true, x: there.map(({ number }) => number), y: there.map(({ evidence }) => evidence[name]),
        notes: there.map(({ end, evidence }) => `adjusted p ${figure(10 ** -evidence[name])}, until ${end}`),
      };
    });
  }, [windows]);
  if (series.length === 0) return null;
  const numbers = windows.map(({ number }) => number);
  const limit = -Math.log10(data.significance);
  return html`
    <${Section} title="Signals over time" hint=${`The higher, the less likely without a drift: 1 is an adjusted p-value of a tenth, 2 of a hundredth. From ${limit.toFixed(2)} on there is an alarm.`}>
      <${Chart} title="Evidence of drift, by window" x=${{ label: "window" }} y=${{ label: "−log10 of adjusted p" }} series=${[
        { name: "alarm", kind: "line", x: [numbers[0], numbers.at(-1)], y: [limit, limit] }, ...series,
      ]} />
      <${DataTable} label="Windows" rows=${[...windows].reverse()} columns=${[
        { title: "window", value: ({ number }) => number },
        { title: "until", value: ({ end }) => end },
        { title: "different pictures", value: ({ different }) => different, draw: ({ different }) => different.toLocaleString("en"), end: true },
        { title: "alarms", value: ({ alarms }) => alarms, end: true },
      ]} />
    <//>`;
}

const METHODS = { atc: "estimated, ATC", doc: "estimated, DoC" };

function Accuracy({ data }) {
  const { windows } = data;
  const interval = ([, low, high]) => `${share(low)} to ${share(high)}`;
  const series = useMemo(() => {
    const estimated = Object.entries(METHODS).map(([key, name]) => {
      const there = windows.filter(({ estimates }) => key in estimates);
      return { name, dots: true, x: there.map(({ number }) => number), y: there.map(({ estimates }) => estimates[key][0]), notes: there.map(({ estimates }) => interval(estimates[key])) };
    });
    const labelled = windows.filter(({ accuracy }) => accuracy);
    return [
      ...estimated,
      { name: "by labels", kind: "points", x: labelled.map(({ number }) => number), y: labelled.map(({ accuracy }) => accuracy[0]), notes: labelled.map(({ accuracy }) => `${interval(accuracy)}, ${counted(accuracy[3], "label")}`) },
    ].filter(({ x }) => x.length > 0);
  }, [windows]);
  if (series.length === 0) return null;
  return html`
    <${Section} title="Accuracy" hint="Estimates need no labels, but hold only for drifts that make the model less sure; labels (tintype monitor add-labels) tell the truth. Intervals of 95 % stand with each point.">
      <${Chart} title="Accuracy, by window" x=${{ label: "window" }} y=${{ label: "accuracy", range: UNIT }} series=${series} />
    <//>`;
}

function Labels({ data }) {
  if (data.labels.length === 0) return null;
  return html`
    <${Section} title="Answers" hint=${`Population stability index ${share(data.psi)}: 0.1 is little, 0.25 is much; in small windows chance alone makes it larger. The test is above.`}>
      <${DataTable} label="Answers" rows=${data.labels} search=${({ label }) => label} columns=${[
        { title: "label", value: ({ label }) => label },
        { title: "baseline", value: ({ baseline }) => baseline, draw: ({ baseline }) => percent(baseline, 1), end: true },
        { title: "window", value: ({ window }) => window, draw: ({ window }) => percent(window, 1), end: true },
        { title: "part of the index", value: ({ psi }) => psi, draw: ({ psi }) => share(psi), end: true },
      ]} />
    <//>`;
}

function Statistics({ data }) {
  const [at, setAt] = useState(0);
  const { statistics } = data;
  if (statistics.length === 0) return null;
  const shown = statistics[at];
  return html`
    <${Section} title="Image statistics and confidence" hint="Shares of the pictures of either side.">
      <div class="controls row" role="group" aria-label="What is shown">${statistics.map(({ name }, place) => html`
        <button type="button" key=${name} aria-pressed=${place === at} onClick=${() => setAt(place)}>${name.replace("_", " ")}</button>`)}</div>
      <${Chart} key=${shown.name} title=${shown.name.replace("_", " ")} height=${260} x=${{ label: shown.name.replace("_", " ") }} y=${{ label: "share" }} series=${[
        { name: "baseline", kind: "bars", x: shown.low, to: shown.high, y: shown.baseline },
        { name: "window", kind: "step", main: true, x: shown.low, y: shown.window },
      ]} />
    <//>`;
}

showPage(Page);
