// From values to pixels, and the round values that are written on an axis.

const TICKS = 5;

/** values: whose least and most the axis spans; `padded`: with some room beyond them. */
export function scale(values, from, to, padded) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!Number.isFinite(low)) [low, high] = [0, 1];
  if (low === high) [low, high] = [low - (Math.abs(low) * 0.05 || 0.5), high + (Math.abs(high) * 0.05 || 0.5)];
  else if (padded) [low, high] = [low - (high - low) * 0.05, high + (high - low) * 0.05];
  const map = (value) => from + ((value - low) / (high - low)) * (to - from);
  const step = roundStep((high - low) / TICKS);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = [];
  for (let count = Math.ceil(low / step - 1e-9); count * step <= high + step * 1e-9; count += 1) {
    ticks.push({ value: count * step, at: map(count * step), text: (count * step).toFixed(Math.min(digits, 6)) });
  }
  return { to: map, ticks };
}

/** 1, 2 or 5 times a power of ten, at least `least`. */
function roundStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least * (1 - 1e-9));
}
