// Numbers and times as people read them, and the word for a run's state.

import { figure } from "../../components/numbers.js";
import { html, useEffect, useState } from "../../shared/html.js";

export { figure };

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

/** 1:05, 2:00:00, 3.5 days. */
export function clock(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "";
  if (seconds >= DAY) return `${(seconds / DAY).toFixed(1)} days`;
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / HOUR), Math.floor((whole % HOUR) / MINUTE), whole % MINUTE];
  const shown = parts[0] ? parts : parts.slice(1);
  return shown.map((part, index) => (index ? String(part).padStart(2, "0") : part)).join(":");
}

/** How long a run has taken until now, in seconds; null before it began. */
function secondsOf({ started_at: started, ended_at: ended }) {
  if (!started) return null;
  return ((ended ? Date.parse(ended) : Date.now()) - Date.parse(started)) / 1000;
}

/** The time that a run takes, counting while it works. */
export function Duration({ run }) {
  const counting = run.started_at && !run.ended_at;
  const [, again] = useState(0);
  useEffect(() => {
    if (!counting) return undefined;
    const timer = setInterval(() => again((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, [counting]);
  return html`<span class="figure">${clock(secondsOf(run))}</span>`;
}

/** A moment as how long ago it was; whole in its title. */
export function Ago({ at }) {
  if (!at) return "";
  const moment = typeof at === "number" ? new Date(at) : new Date(Date.parse(at));
  return html`<time datetime=${moment.toISOString()} title=${moment.toLocaleString()}>${ago(moment)}</time>`;
}

function ago(moment) {
  const seconds = (Date.now() - moment) / 1000;
  if (seconds < MINUTE) return "just now";
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min ago`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h ago`;
  if (seconds < 30 * DAY) return `${Math.floor(seconds / DAY)} d ago`;
  return moment.toISOString().slice(0, 10);
}

export function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = count;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit ? size.toFixed(size < 10 ? 1 : 0) : size} ${units[unit]}`;
}

const KINDS = {
  Completed: "good", completed: "good", Succeeded: "good",
  Failed: "bad", failed: "bad",
  Canceled: "ended", canceled: "ended", stopped: "ended",
  ready: "good",
  NotStarted: "waits", waiting: "waits", paused: "waits", archived: "waits",
};

const WORDS = { NotStarted: "Not started", stopped: "stopped early" };

export const wordOf = (status) => WORDS[status] ?? status;

/** A state in its colour, and in words. */
export function Status({ status }) {
  return html`<span class=${`status ${KINDS[status] ?? "works"}`}><span class="dot" aria-hidden="true"></span>${wordOf(status)}</span>`;
}

/** A key or a metric's name, which breaks after underscores and dots where it has to. */
export function breakable(name) {
  return String(name).split(/(?<=[_.])/).map((part, index) => html`${index > 0 && html`<wbr />`}${part}`);
}
