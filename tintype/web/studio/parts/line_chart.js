// Lines over steps, drawn by uPlot (loaded when the first is shown), in the colours of the page.

import { html, useEffect, useRef, useState } from "../../shared/html.js";
import { fetchedModule } from "./modules.js";

// components/colours.css has so many.
const COLOURS = 8;

let styled = false;

/** uPlot and its style; once for all charts. */
async function loaded(signal) {
  const { default: uPlot } = await fetchedModule(() => import("../../vendor/uplot.js"), signal);
  if (!styled) {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = "/vendor/uplot.css";
    document.head.append(link);
    styled = true;
  }
  return uPlot;
}

/** Settles once a node is seen, or is about to be: what nobody looks at is not drawn. */
function inSight(node) {
  return new Promise((resolve) => {
    const watch = new IntersectionObserver((entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      watch.disconnect();
      resolve();
    }, { rootMargin: "200px" });
    watch.observe(node);
  });
}

const isDark = () => {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};

export const colour = (index) => resolved(`--series-${index % COLOURS}`);

/** Draw again when dark becomes light. */
export function useTheme() {
  const [theme, setTheme] = useState(isDark());
  useEffect(() => {
    const media = matchMedia("(prefers-color-scheme: dark)");
    const changed = () => setTheme(isDark());
    addEventListener("theme", changed);
    media.addEventListener("change", changed);
    return () => {
      removeEventListener("theme", changed);
      media.removeEventListener("change", changed);
    };
  }, []);
  return theme;
}

/** lines: `{name, steps, values}`, of one metric; `xTitle` is what steps are. */
export function LineChart({ title, lines, xTitle = "step", height = 220 }) {
  const host = useRef(null);
  const chart = useRef(null);
  const theme = useTheme();
  const names = lines.map(({ name }) => name).join("\n");
  const data = aligned(lines);

  useEffect(() => {
    const ended = new AbortController();
    let observer = null;
    inSight(host.current).then(() => loaded(ended.signal)).then((uPlot) => {
      if (ended.signal.aborted) return;
      const edge = { stroke: resolved("--line"), width: 1 };
      const axis = { stroke: resolved("--quiet"), grid: edge, ticks: edge, font: "12px system-ui, sans-serif" };
      chart.current = new uPlot(
        {
          width: host.current.clientWidth,
          height,
          scales: { x: { time: false } },
          axes: [{ ...axis, label: xTitle, labelFont: "12px system-ui, sans-serif", labelSize: 18, size: 34 }, { ...axis, size: 58 }],
          legend: { live: true },
          cursor: { drag: { x: true, y: false } },
          series: [
            { label: xTitle },
            ...lines.map(({ name }, index) => ({ label: name, stroke: colour(index), width: 1.8, spanGaps: true, points: { size: 5 } })),
          ],
        },
        data,
        host.current,
      );
      showLast(chart.current);
      observer = new ResizeObserver(() => chart.current?.setSize({ width: host.current.clientWidth, height }));
      observer.observe(host.current);
    });
    return () => {
      ended.abort();
      observer?.disconnect();
      chart.current?.destroy();
      chart.current = null;
    };
  }, [names, theme, height, xTitle]);
  useEffect(() => {
    chart.current?.setData(data);
    showLast(chart.current);
  }, [lines]);

  const last = lines.map(({ name, values }) => `${name}: ${values.at(-1) ?? "no value"}`).join(", ");
  return html`<figure class="chart"><figcaption>${title}</figcaption><div ref=${host} role="img" style=${{ minHeight: `${height}px` }} aria-label=${`${title} by ${xTitle}; last ${last}`}></div></figure>`;
}

/** What the legend says while nobody points at a step: the last values. */
function showLast(chart) {
  const last = (chart?.data[0].length ?? 0) - 1;
  if (last >= 0) chart.setLegend({ idxs: chart.data.map((values) => Math.max(0, values.findLastIndex((value) => value !== undefined && value !== null))) });
}

/** A colour of the page as a canvas understands it, which knows nothing of light-dark(). */
function resolved(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** Lines with steps of their own, on the steps of all. */
function aligned(lines) {
  const steps = [...new Set(lines.flatMap((line) => line.steps))].sort((a, b) => a - b);
  const place = new Map(steps.map((step, index) => [step, index]));
  return [steps, ...lines.map((line) => {
    const values = new Array(steps.length).fill(undefined);
    line.steps.forEach((step, index) => {
      values[place.get(step)] = line.values[index];
    });
    return values;
  })];
}
