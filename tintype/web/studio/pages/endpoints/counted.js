// Rates and latencies from what a gateway has counted: sums, and requests by the bound that they stayed below.

/** All deployments together: `{requests, errors, counts}`. */
export function total({ deployments }) {
  const sum = { requests: 0, errors: 0, counts: [] };
  for (const { statuses, counts } of Object.values(deployments)) {
    for (const [status, count] of Object.entries(statuses)) {
      sum.requests += count;
      if (status !== "200") sum.errors += count;
    }
    counts.forEach((count, index) => {
      sum.counts[index] = (sum.counts[index] ?? 0) + count;
    });
  }
  return sum;
}

/** What came between two looks: `{at, requests, errors, rate, errorRate, p50, p95}`; latencies in ms, undefined without requests. */
export function between(before, after) {
  const [first, last] = [total(before), total(after)];
  const seconds = Math.max(0.001, after.at - before.at);
  const requests = last.requests - first.requests;
  const errors = last.errors - first.errors;
  const counts = last.counts.map((count, index) => count - (first.counts[index] ?? 0));
  const latency = (share) => quantile(counts, after.bounds, share);
  return { at: after.at, requests, errors, rate: requests / seconds, errorRate: errors / seconds, p50: latency(0.5), p95: latency(0.95) };
}

/** Milliseconds that `share` of the requests stayed below, within its bounds as if they were spread evenly. */
function quantile(counts, bounds, share) {
  const all = counts.at(-1) ?? 0;
  if (!all) return undefined;
  const wanted = share * all;
  const index = counts.findIndex((count) => count >= wanted);
  if (index >= bounds.length) return 1000 * bounds.at(-1);
  const low = index ? bounds[index - 1] : 0;
  const below = index ? counts[index - 1] : 0;
  return 1000 * (low + ((bounds[index] - low) * (wanted - below)) / (counts[index] - below));
}
