// What a model may be asked, and how that is told.

export const EMBEDDINGS = "embeddings";
export const MULTILABEL = "image_classification_multilabel";
export const ZERO_SHOT = "zero_shot_image_classification";

/** Of several labels, those are marked, and explained, that are as likely as this. */
export const MARKED_FROM = 0.5;

export const TASKS = {
  image_classification: ["Image classification", "Drop pictures to see what the model takes them for."],
  [MULTILABEL]: ["Multi-label image classification",
    "Drop pictures to see every label the model finds in them; those at or above 50 % are marked."],
  [ZERO_SHOT]: ["Zero-shot image classification", "Drop pictures, name labels, and see which of them fit."],
  [EMBEDDINGS]: ["Image embeddings", "Drop pictures to see which of them the model finds alike."],
};

/** The task in an endpoint's description; null where it names none that is known here. */
export function taskOf(description) {
  const found = description?.info?.["x-task"] ?? "";
  return Object.hasOwn(TASKS, found) ? found : null;
}

/** What an endpoint's description says of explanations (see `Explanation`); null where it says nothing. */
export function offeredBy(description) {
  const found = description?.info?.["x-explanations"];
  // Names are shown as a part of commands.
  const known = Array.isArray(found?.methods) && found.methods.every(({ name }) => /^\w+$/.test(name));
  return known && (found.methods.length || found.unavailable) ? found : null;
}

/** The labels in the example of an endpoint's description; "" where there are none. */
export function exampleLabels(description) {
  const media = description?.paths?.["/score"]?.post?.requestBody?.content?.["application/json"];
  const example = media?.schema?.example?.input_data?.data?.[0]?.[1];
  return typeof example === "string" ? example : "";
}

export const percent = (share) => `${(share * 100).toFixed(1)} %`;
export const counted = (count) => (count === 1 ? "1 picture" : `${count} pictures`);
