// Pictures as requests, and answers as what is shown of them.

import { EMBEDDINGS, MARKED_FROM, MULTILABEL } from "./tasks.js";

export const NOT_UNDERSTOOD = "The answer of the endpoint is not understood.";

// A file becomes one text in memory, four thirds as long; browsers hold no text above 512 MiB.
const MOST_BYTES = 256 * 1024 * 1024;

/** What a card or the page says went wrong; `status` is that of HTTP, 0 where there was no answer. */
export class Refusal extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** The body of a request about one picture; `labels` "" unless the task is zero-shot; `method` "" explains nothing. */
export async function bodyOf(file, labels, method = "") {
  const content = await base64Of(file);
  const image = method ? JSON.stringify(explainedCell(content, method)) : content;
  const input = labels
    ? { columns: ["image", "text"], index: [0], data: [[image, labels]] }
    : { columns: ["image"], index: [0], data: [image] };
  return JSON.stringify({ input_data: input });
}

/** What a cell asks, as JSON in its text, to have its answer explained. */
export function explainedCell(image, method) {
  return { image_base64: image, model_explainability: true, xai_parameters: { xai_algorithm: method } };
}

function base64Of(file) {
  return new Promise((resolve, reject) => {
    if (file.size > MOST_BYTES) {
      reject(new Refusal(`The file has ${Math.round(file.size / 2 ** 20)} MiB; this page sends up to ${MOST_BYTES / 2 ** 20}.`));
      return;
    }
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(new Refusal("The file cannot be read."));
    reader.readAsDataURL(file);
  });
}

/** Labels sorted by probability, or features of length 1. */
export function readAnswer(task, body) {
  const row = Array.isArray(body) ? body[0] : null;
  if (task === EMBEDDINGS) {
    if (!Array.isArray(row?.image_features)) throw new Refusal(NOT_UNDERSTOOD);
    const features = Float64Array.from(row.image_features);
    const length = Math.sqrt(features.reduce((sum, value) => sum + value * value, 0));
    return { features: features.map((value) => (length ? value / length : 0)) };
  }
  if (!Array.isArray(row?.probs) || row.probs.length !== row.labels?.length) throw new Refusal(NOT_UNDERSTOOD);
  const labels = row.probs.map((share, place) => ({ label: String(row.labels[place]), share: Number(share) }));
  return { labels: labels.sort((a, b) => b.share - a.share) };
}

/** The labels that an answer explains, the likeliest first, each with its picture (a PNG as base64): `[{label, share, picture}]`. */
export function readExplained(task, body) {
  const row = Array.isArray(body) ? body[0] : null;
  const { probs, labels, visualizations } = row ?? {};
  if (!Array.isArray(probs) || !probs.length || probs.length !== labels?.length) throw new Refusal(NOT_UNDERSTOOD);
  const places = [...probs.keys()];
  const explained = task === MULTILABEL
    ? places.filter((place) => probs[place] >= MARKED_FROM)
    : [places.reduce((best, place) => (probs[place] > probs[best] ? place : best))];
  const pictures = task === MULTILABEL ? visualizations : [visualizations];
  if (!Array.isArray(pictures) || pictures.length !== explained.length || pictures.some((one) => typeof one !== "string")) throw new Refusal(NOT_UNDERSTOOD);
  const found = explained.map((place, at) => ({ label: String(labels[place]), share: Number(probs[place]), picture: pictures[at] }));
  return found.sort((a, b) => b.share - a.share);
}

/** Labels as the server takes them: a JSON list as it stands, else commas for line ends too. */
export function labelsAsSent(typed) {
  const text = typed.trim();
  return text.startsWith("[") ? text : text.split(/[,\n]/).map((label) => label.trim()).filter(Boolean).join(", ");
}
