// What the studio's server refuses, as the playground's modules are told it.

import { Refusal } from "../../playground/exchange.js";

/** What `answer` (of `ask`) gives; `signal`: that of the question. */
export async function answerOf(answer, signal) {
  try {
    return await answer;
  } catch (error) {
    throw signal.aborted ? error : new Refusal(error.message, error.status ?? 0);
  }
}
