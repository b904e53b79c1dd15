// Modules that are fetched when they are first needed. What a browser once could not fetch it never asks for again:
// the page is then loaded anew, as soon as the server answers.

import { readSession } from "../../shared/api.js";
import { html, useEffect, useState } from "../../shared/html.js";
import { Failure } from "./states.js";

const FIRST_RETRY_MS = 1000;
const MOST_RETRY_MS = 5000;

// A module that fails again so soon after the page was loaded anew is not there at all, or broken.
const AGAIN_MS = 30_000;
const LOADED_ANEW = "tintype-loaded-anew";

// What has been fetched, by what loads it: shown without a turn of waiting.
const fetched = new Map();

const pause = (ms) => new Promise((resolve) => {
  setTimeout(resolve, ms);
});

/** The module that `load` imports. Rejects if it still fails in a page loaded anew for it. */
export async function fetchedModule(load, signal) {
  try {
    return await load();
  } catch {
    await loadPageAnew(signal);
    // The page is about to go.
    return new Promise(() => {});
  }
}

/** Not any more once `signal` is aborted: what would be shown has been left, and something may be typed elsewhere. */
async function loadPageAnew(signal) {
  const broken = new Error("A part of the page could not be loaded. If the studio was just updated, load the page anew.");
  let last;
  try {
    last = Number(sessionStorage.getItem(LOADED_ANEW));
  } catch {
    throw broken;
  }
  if (Date.now() - last < AGAIN_MS) throw broken;
  for (let wait = FIRST_RETRY_MS; !signal.aborted; wait = Math.min(2 * wait, MOST_RETRY_MS)) {
    try {
      await readSession();
      break;
    } catch {
      await pause(wait);
    }
  }
  if (signal.aborted) return;
  sessionStorage.setItem(LOADED_ANEW, String(Date.now()));
  location.reload();
}

/** `{module, error}` of what `load` imports; both null until it is there. */
function useModule(load) {
  const [failed, setFailed] = useState({ load: null, error: null });
  const [, again] = useState(null);
  useEffect(() => {
    if (fetched.has(load)) return undefined;
    const controller = new AbortController();
    fetchedModule(load, controller.signal).then(
      (module) => {
        fetched.set(load, module);
        if (!controller.signal.aborted) again(load);
      },
      (error) => controller.signal.aborted || setFailed({ load, error }),
    );
    return () => controller.abort();
  }, [load]);
  return { module: fetched.get(load) ?? null, error: failed.load === load ? failed.error : null };
}

/** The component that the module of `load` exports by that name, with the other properties. */
export function LoadedComponent({ load, exported, ...properties }) {
  const { module, error } = useModule(load);
  if (error) return html`<${Failure} error=${error} again=${() => location.reload()} />`;
  return module ? html`<${module[exported]} ...${properties} />` : html`<p role="status" class="wait">Loading …</p>`;
}
