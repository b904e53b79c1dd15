// Where pages of models are, how tasks are called, and how long the registry is waited for.

/** The registry's library takes seconds until it is loaded, once for each start of the studio; a busy machine takes longer. */
export const REGISTRY = { timeout: 120_000 };

const TASKS = {
  image_classification: "one label",
  image_classification_multilabel: "any labels",
  zero_shot_image_classification: "labels as asked for",
  embeddings: "embeddings",
};

export const taskName = (task) => TASKS[task] ?? task ?? "";

export const pathOfModel = (name, version) => `/models/${encodeURIComponent(name)}${version ? `?version=${encodeURIComponent(version)}` : ""}`;

export const pathOfCard = (name) => `/catalog/${encodeURIComponent(name)}`;

/** 86M, 1.2B. */
export function millions(count) {
  if (!count) return "";
  if (count < 1e6) return count.toLocaleString("en");
  return count >= 1e9 ? `${(count / 1e9).toFixed(1)}B` : `${(count / 1e6).toFixed(count < 1e7 ? 1 : 0)}M`;
}

/** The page of a model as documents name it: `photos:1`, whose name may hold no colon. */
export const pathOfReference = (reference) => pathOfModel(...reference.split(":"));
