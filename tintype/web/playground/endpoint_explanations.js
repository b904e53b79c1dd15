// Explanations of what an endpoint has answered, by that endpoint.

import { bodyOf, readExplained, Refusal } from "./exchange.js";

// An endpoint makes them one after the other, and the time that it may take counts the waiting: a page asks for one at a time.
let last = Promise.resolve();

/** The source of a picture's `Explanation`; `pictures` tells task and labels, `endpoint` see `Pictures`. */
export function endpointExplanations(endpoint, pictures, picture) {
  return {
    more_time: "give the deployment more time (request_settings: {request_timeout_ms: 90000}; tintype serve --request-timeout-ms 90000)",
    // The deployment that answered explains: another one may have another model.
    offered: (signal) => endpoint.offered(picture.deployment, signal),
    explain: (method, signal) => inTurn(signal, async () => {
      const body = await bodyOf(picture.file, pictures.labels, method);
      const { answer, error, status } = await endpoint.score(body, signal, picture.deployment);
      if (error !== null) throw new Refusal(error, status);
      return readExplained(pictures.task, answer);
    }),
  };
}

async function inTurn(signal, work) {
  const before = last;
  let done;
  last = new Promise((resolve) => (done = resolve));
  try {
    await before;
    signal.throwIfAborted();
    return await work();
  } finally {
    done();
  }
}
