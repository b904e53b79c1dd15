// Parallel coordinates: an axis a parameter, a line a trial, the last axis what it was for. Parameters that are the
// same in all trials have no axis.

import { html, useEffect, useMemo, useRef, useState } from "./html.js";
import { figure } from "./numbers.js";

const HEIGHT = 260;
const TOP = 34;
const BOTTOM = 24;
const SIDE = 60;
const LEAST_WIDTH = 120;

// Below an axis's least value, for trials that have none.
const NONE = 26;

// Lines beyond these cannot be told apart, and cost time: the best are drawn.
const MOST = 400;

/** reached(trial) is the value of `metric`; `lit` is a trial's number, onLit(number or null). */
export function ParallelCoordinates({ trials, metric, reached, lit, onLit }) {
  const host = useRef(null);
  const [room, setRoom] = useState(900);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setRoom(entry.contentRect.width));
    observer.observe(host.current);
    return () => observer.disconnect();
  }, []);
  const axes = useMemo(() => axesOf(trials, metric, reached), [trials, metric]);
  const width = Math.max(room, LEAST_WIDTH * (axes.length - 1) + 2 * SIDE);
  const x = (index) => SIDE + (index * (width - 2 * SIDE)) / Math.max(1, axes.length - 1);
  const last = axes.at(-1);
  const drawn = useMemo(
    () => [...trials].sort((a, b) => (reached(a) ?? -Infinity) - (reached(b) ?? -Infinity)).slice(-MOST),
    [trials],
  );
  const points = (trial) => axes.map((axis, index) => `${x(index).toFixed(1)},${axis.y(axis.value(trial)).toFixed(1)}`).join(" ");
  const share = (trial) => (last.value(trial) === null ? null : 1 - (last.y(last.value(trial)) - TOP) / (last.end - TOP));
  const current = drawn.find(({ number }) => number === lit);
  return html`
    <div class="scroll parallel" ref=${host} tabindex="0" role="group" aria-label="Parallel coordinates; the table below has the same numbers">
      <svg width=${width} height=${HEIGHT} viewBox=${`0 0 ${width} ${HEIGHT}`} role="img" aria-label=${`${drawn.length} trials by ${axes.map(({ name }) => name).join(", ")}`}>
        ${drawn.map((trial) => html`
          <polyline key=${trial.number} points=${points(trial)} class=${share(trial) === null ? "open" : ""} style=${{ "--share": share(trial) ?? 0 }}
            onMouseEnter=${() => onLit(trial.number)} onMouseLeave=${() => onLit(null)}><title>trial ${trial.number}: ${figure(reached(trial))}</title></polyline>`)}
        ${current && html`<polyline points=${points(current)} class="lit" />`}
        ${axes.map((axis, index) => html`
          <g key=${axis.name} transform=${`translate(${x(index)} 0)`}>
            <line y1=${TOP} y2=${axis.end} class="axis" />
            <text y="14" text-anchor="middle" class="axis-name">${short(axis.name)}<title>${axis.name}</title></text>
            ${axis.ticks.map(({ text, y }) => html`<text key=${text} x="6" y=${y + 4}>${short(text)}</text>`)}
          </g>`)}
      </svg>
      <p class="hint" aria-hidden="true">${current ? `Trial ${current.number}: ${axes.map((axis) => `${axis.name} ${figure(axis.value(current))}`).join(", ")}` : "Darker lines led higher."}</p>
    </div>`;
}

const short = (text) => (text.length > 18 ? `${text.slice(0, 17)}…` : text);

function axesOf(trials, metric, reached) {
  const names = [...new Set(trials.flatMap(({ parameters }) => Object.keys(parameters)))];
  const candidates = [
    { name: "model", value: (trial) => trial.model },
    ...names.map((name) => ({ name, value: (trial) => trial.parameters[name] ?? null })),
  ];
  const telling = candidates.filter(({ value }) => new Set(trials.map((trial) => JSON.stringify(value(trial)))).size > 1);
  return [...telling, { name: metric, value: reached }].map((axis) => ({ ...axis, ...scaled(trials.map(axis.value)) }));
}

/** Whether values, such as learning rates, were searched by their logarithms: their median says so. */
function spreadByLogarithm(values, least, most) {
  const median = [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
  const away = (middle) => Math.abs(Math.log(median / middle));
  return away(Math.sqrt(least * most)) < away((least + most) / 2);
}

/** Where values stand on an axis (pixels from the top), where it ends, and what is written beside it. */
function scaled(values) {
  const there = values.filter((value) => value !== null);
  const lacking = there.length < values.length;
  const end = HEIGHT - BOTTOM - (lacking ? NONE : 0);
  const { y, ticks } = placed(there, end - TOP);
  const none = lacking ? [{ text: "none", y: HEIGHT - BOTTOM }] : [];
  return { end, y: (value) => (value === null ? HEIGHT - BOTTOM : y(value)), ticks: [...ticks, ...none] };
}

function placed(there, span) {
  if (there.every((value) => typeof value === "number")) {
    const least = Math.min(...there);
    const most = Math.max(...there);
    const logarithmic = least > 0 && most / least > 50 && spreadByLogarithm(there, least, most);
    const map = logarithmic ? Math.log : (value) => value;
    const [low, high] = [map(least), map(most)];
    const y = (value) => TOP + (high > low ? (span * (high - map(value))) / (high - low) : span / 2);
    return { y, ticks: there.length ? (high > low ? [most, least] : [most]).map((value) => ({ text: figure(value), y: y(value) })) : [] };
  }
  const words = [...new Set(there.map((value) => String(value)))].sort();
  const y = (value) => TOP + (span * (words.indexOf(String(value)) + 0.5)) / words.length;
  return { y, ticks: words.length <= 12 ? words.map((word) => ({ text: word, y: y(word) })) : [] };
}
