// The request about one picture as code that runs in the picture's folder.

import { explainedCell } from "./exchange.js";

// In single quotes a shell takes everything as it stands; a terminal does not, pasted controls.
const shell = (text) => `'${text.replace(/[\u0000-\u001f\u007f]/g, "_").replaceAll("'", "'\\''")}'`;

/** `address` ends with "/"; `labels` "" unless the task is zero-shot; `needsKey`: it is in TINTYPE_KEY; `method` "" explains nothing. */
export function curlText({ address, name, labels, needsKey, method }) {
  const image = `"$(base64 < ${shell(name)} | tr -d '\\n')"`;
  // In the format of printf a backslash stands for itself when there are two.
  const cell = method ? JSON.stringify(JSON.stringify(explainedCell("%s", method))).replaceAll("\\", "\\\\") : '"%s"';
  const [input, values] = labels
    ? [`"columns": ["image", "text"], "index": [0], "data": [[${cell}, %s]]`, `${image} ${shell(JSON.stringify(labels))}`]
    : [`"columns": ["image"], "index": [0], "data": [${cell}]`, image];
  return [
    `printf '{"input_data": {${input}}}' \\`,
    `    ${values} |`,
    `  curl --fail-with-body ${shell(`${address}score`)} \\`,
    ...(needsKey ? ['    -H "Authorization: Bearer $TINTYPE_KEY" \\'] : []),
    "    -H 'Content-Type: application/json' \\",
    "    --data-binary @-",
  ].join("\n");
}

export function pythonText({ address, name, labels, needsKey, method }) {
  // What JSON writes as a text is a text of Python too.
  const [columns, row] = labels ? ['"image", "text"', `[image, ${JSON.stringify(labels)}]`] : ['"image"', "image"];
  return [
    "import base64", "import json", ...(needsKey ? ["import os"] : []), "import urllib.request", "",
    `with open(${JSON.stringify(name)}, "rb") as file:`,
    "    image = base64.b64encode(file.read()).decode()",
    ...(method ? [
      "image = json.dumps(",
      `    {"image_base64": image, "model_explainability": True, "xai_parameters": {"xai_algorithm": ${JSON.stringify(method)}}}`,
      ")",
    ] : []),
    `body = {"input_data": {"columns": [${columns}], "index": [0], "data": [${row}]}}`,
    "request = urllib.request.Request(",
    `    ${JSON.stringify(`${address}score`)},`,
    "    data=json.dumps(body).encode(),",
    "    headers={",
    ...(needsKey ? ['        "Authorization": "Bearer " + os.environ["TINTYPE_KEY"],'] : []),
    '        "Content-Type": "application/json",',
    "    },",
    ")",
    "with urllib.request.urlopen(request) as response:",
    "    print(response.read().decode())",
  ].join("\n");
}
