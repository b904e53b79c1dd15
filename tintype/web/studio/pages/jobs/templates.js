// The documents that the form for a new job writes.

/** asks: the answers that a kind needs; lines(answers) is its document. */
export const KINDS = {
  finetuning: {
    title: "Fine-tune a model",
    hint: "All weights of one checkpoint learn from labelled pictures.",
    asks: ["name", "task", "model", "data", "register"],
    lines: (given) => [...trained(given, "finetuning"), ...registered(given, "registered_model")],
  },
  head: {
    title: "Train a linear head",
    hint: "Only the last layer learns, on features that are computed once: seconds to minutes.",
    asks: ["name", "task", "model", "data", "register"],
    lines: (given) => [...trained(given, "finetuning"), "hyperparameters:", "  method: head", ...registered(given, "registered_model")],
  },
  automl: {
    title: "Find the best model in a given time",
    hint: "Models and their parameters are tried and compared, and the best is kept.",
    asks: ["name", "task", "data", "minutes", "trials", "register"],
    lines: (given) => [
      "type: automl",
      ...named(given),
      `task: ${given.task}`,
      `training_data: {path: ${scalar(given.data || "./photos")}}`,
      `limits: {timeout_minutes: ${count(given.minutes, 10)}, max_trials: ${count(given.trials, 10)}}`,
      ...registered(given, "best_model"),
    ],
  },
  evaluation: {
    title: "Evaluate a model",
    hint: "Metrics with intervals, curves and mistakes, on pictures that it has not learnt from.",
    asks: ["name", "model", "data"],
    lines: (given) => ["type: evaluation", ...named(given), `model: ${scalar(given.model || "photos@latest")}`, `test_data: {path: ${scalar(given.data || "./held-out")}}`],
  },
  batch: {
    title: "Score many pictures",
    hint: "Every picture of a folder is scored once; what was done is kept when it is interrupted.",
    asks: ["name", "model", "data"],
    lines: (given) => ["type: batch", ...named(given), `model: ${scalar(given.model || "photos@latest")}`, `input: ${scalar(given.data || "./photos")}`],
  },
};

/** The YAML of a form's answers. */
export const written = (answers) => `${KINDS[answers.kind].lines(answers).join("\n")}\n`;

function trained(given, type) {
  return [
    `type: ${type}`,
    ...named(given),
    `task: ${given.task}`,
    `model_name: ${scalar(given.model || "tintype/efficientnet-lite0")}`,
    `training_data: {path: ${scalar(given.data || "./photos")}}`,
  ];
}

const named = ({ name }) => (name.trim() ? [`name: ${scalar(name.trim())}`] : []);

function registered({ register }, output) {
  return register.trim() ? ["outputs:", `  ${output}: {type: mlflow_model, name: ${scalar(register.trim())}}`] : [];
}

const count = (text, otherwise) => (/^\d+$/.test(text) ? text : String(otherwise));

/** A text as YAML takes it, whatever is in it; JSON's strings are YAML's, too. */
function scalar(text) {
  const plain = /^[A-Za-z./_][\w./@:-]*$/.test(text) && !/:$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return plain ? text : JSON.stringify(text);
}
