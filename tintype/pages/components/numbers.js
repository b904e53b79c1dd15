// Numbers as people read them.

/** Four digits that count; whole numbers as they are. */
export function figure(value) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return value.toLocaleString("en");
  const size = Math.abs(value);
  return size >= 1e5 || size < 1e-4 ? value.toExponential(3) : value.toPrecision(4).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
}

/** A share, probability or score; a dash where there is none. */
export const share = (value, digits = 3) => (value === null || value === undefined ? "–" : value.toFixed(digits));

export const percent = (value, digits = 0) => `${(value * 100).toFixed(digits)} %`;

export const counted = (count, one = "image") => (count === 1 ? `1 ${one}` : `${count.toLocaleString("en")} ${one}s`);

/** Seconds, minutes or hours, whichever has few digits. */
export function duration(seconds) {
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  return seconds < 7200 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
