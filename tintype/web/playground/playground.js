// The endpoint playground. Served at <base>/; whatever it asks for lies beside it.
// Texts of the server and of files enter the page as text nodes, never as markup.

const BASE = location.origin + location.pathname.replace(/[^/]*$/, "");
const KEY_ITEM = `tintype-key ${BASE}`;
const EMBEDDINGS = "embeddings";
const MULTILABEL = "image_classification_multilabel";
const ZERO_SHOT = "zero_shot_image_classification";
const TASKS = {
  image_classification: ["Image classification", "Drop pictures to see what the model takes them for."],
  [MULTILABEL]: ["Multi-label image classification",
    "Drop pictures to see every label the model finds in them; those at or above 50 % are marked."],
  [ZERO_SHOT]: ["Zero-shot image classification", "Drop pictures, name labels, and see which of them fit."],
  [EMBEDDINGS]: ["Image embeddings", "Drop pictures to see which of them the model finds alike."],
};
const WRONG_KEY = "The endpoint does not accept this key. Check it and try again.";
const NOT_UNDERSTOOD = "The answer of the endpoint is not understood.";
const SHOWN = 5;
const MARKED_FROM = 0.5;
const REQUESTS_AT_ONCE = 4;
const DEBOUNCE_MS = 300;
// A file becomes one text in memory, four thirds as long; browsers hold no text above 512 MiB.
const MOST_BYTES = 256 * 1024 * 1024;

const page = Object.fromEntries([...document.querySelectorAll("[id]")].map((node) => [node.id, node]));
const cards = [];
let key = "";
let task = "";

/** What a card or the page says went wrong. */
class Refusal extends Error {}

/** An element with a class and children; strings become text nodes. */
function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** Show a text in the live region. */
function say(text) {
  page.status.textContent = text;
}

const percent = (share) => `${(share * 100).toFixed(1)} %`;
const counted = (count) => (count === 1 ? "1 picture" : `${count} pictures`);

// The endpoint ---------------------------------------------------------------------------------

/** Fetch `path` beside the page; `body` is null where the answer is not JSON. */
async function ask(path, secret, options) {
  const headers = new Headers(options.headers);
  if (secret) headers.set("Authorization", `Bearer ${secret}`);
  let response, text;
  try {
    response = await fetch(BASE + path, { ...options, headers, cache: "no-store" });
    text = await response.text();
  } catch {
    throw new Refusal("The endpoint cannot be reached.");
  }
  try {
    return { response, body: JSON.parse(text) };
  } catch {
    return { response, body: null };
  }
}

function refusalText({ response, body }) {
  const message = body?.error?.message;
  return typeof message === "string" && message ? message : `The endpoint answered with status ${response.status}.`;
}

let connection = new AbortController();
let tried = "";

/** Read what the endpoint serves; with "" as the key where it may need none. */
async function connect(secret) {
  connection.abort();
  connection = new AbortController();
  const { signal } = connection;
  tried = secret;
  const typed = page["key-form"].contains(document.activeElement);
  page.problem.hidden = true;
  say("Connecting …");
  try {
    const answer = await ask("swagger.json", secret, { signal });
    if (signal.aborted) return;
    if (answer.response.status === 401) return askForKey(secret ? WRONG_KEY : "");
    if (!answer.response.ok) throw new Refusal(refusalText(answer));
    const found = answer.body?.info?.["x-task"];
    if (!Object.hasOwn(TASKS, found ?? "")) throw new Refusal("The endpoint names no task that this page knows.");
    key = secret;
    storeKey(secret);
    open(found, answer.body);
    if (typed) page.drop.focus();
  } catch (error) {
    if (signal.aborted) return;
    say("");
    page["problem-text"].textContent = error instanceof Refusal ? error.message : NOT_UNDERSTOOD;
    page.problem.hidden = false;
  }
}

/** Show the controls of a task, and score again what has no result of it. */
function open(found, document_) {
  const [heading, explanation] = TASKS[found];
  const changed = task !== found;
  task = found;
  page.task.textContent = heading;
  page.explanation.textContent = explanation;
  document.title = `${page.endpoint.textContent} · ${heading}`;
  page["key-section"].hidden = !key;
  page["key-form"].hidden = true;
  page.key.value = "";
  page["key-known"].hidden = !key;
  page["key-variable"].hidden = !key;
  page["labels-field"].hidden = task !== ZERO_SHOT;
  if (task === ZERO_SHOT && !page.labels.value) {
    const media = document_.paths?.["/score"]?.post?.requestBody?.content?.["application/json"];
    const example = media?.schema?.example?.input_data?.data?.[0]?.[1];
    if (typeof example === "string") page.labels.value = example;
  }
  page.work.hidden = false;
  say("Ready for pictures.");
  showCode();
  for (const card of cards) if (changed || !card.result) score(card);
}

function askForKey(message) {
  key = "";
  storeKey("");
  page["key-section"].hidden = false;
  page["key-form"].hidden = false;
  page["key-known"].hidden = true;
  page["key-message"].textContent = message;
  say(message ? "" : "This endpoint needs a key.");
  if (message) page.key.setAttribute("aria-invalid", "true");
  page.key.focus();
  page.key.select();
}

/** Browsers may forbid storage: the key then lives as long as the page. */
function storeKey(secret) {
  try {
    if (secret) sessionStorage.setItem(KEY_ITEM, secret);
    else sessionStorage.removeItem(KEY_ITEM);
  } catch { /* Nothing to do. */ }
}

function storedKey() {
  try {
    return sessionStorage.getItem(KEY_ITEM) ?? "";
  } catch {
    return "";
  }
}

// Cards ----------------------------------------------------------------------------------------

let made = 0;

/** One picture with its latest result. */
class Card {
  constructor(file) {
    this.file = file;
    this.id = `card-${++made}`;
    this.url = URL.createObjectURL(file);
    this.controller = new AbortController();
    this.result = null;
    this.failed = false;
    this.blank = false;
    this.shownNearest = "";
    /** Cosine similarity to every other card with features. */
    this.similarity = new Map();
    this.root = page["card-template"].content.firstElementChild.cloneNode(true);
    const part = (selector) => this.root.querySelector(selector);
    this.parts = Object.fromEntries(["facts", "error", "note", "result", "more", "retry"].map((n) => [n, part(`.${n}`)]));
    this.article = part("article");
    const title = part("h3");
    title.textContent = file.name;
    title.id = this.id;
    this.article.setAttribute("aria-labelledby", this.id);
    const image = part("img");
    image.alt = file.name;
    image.addEventListener("error", () => {
      // A kind that browsers do not show, such as TIFF, may still be one that the model reads.
      this.blank = true;
      image.hidden = true;
      part(".preview .hint").hidden = false;
      showNearest();
    });
    image.src = this.url;
    for (const [name, act] of [
      ["retry", () => score(this)],
      ["code", () => choose(this)],
      ["remove", () => removeCard(this)],
    ]) {
      const button = part(`.${name}`);
      button.setAttribute("aria-label", `${button.textContent}: ${file.name}`);
      button.addEventListener("click", act);
    }
    this.parts.more.addEventListener("click", () => {
      const all = this.parts.more.getAttribute("aria-expanded") !== "true";
      this.parts.more.setAttribute("aria-expanded", String(all));
      this.showLabels();
    });
  }

  /** Waiting for an answer; an older one stays in sight. */
  wait() {
    this.article.setAttribute("aria-busy", "true");
    this.parts.facts.textContent = "Scoring …";
  }

  fail(message, facts) {
    this.result = null;
    this.failed = true;
    this.summary = message;
    forget(this);
    this.parts.facts.textContent = facts;
    this.settle();
  }

  succeed(result, facts) {
    this.result = result;
    this.failed = false;
    this.parts.facts.textContent = facts;
    this.settle();
    if (result.features) {
      remember(this);
      this.summary = `${result.features.length} numbers`;
    } else {
      this.showLabels();
      const [first] = result.labels;
      this.summary = first ? `${first.label}, ${percent(first.share)}` : "no labels";
    }
  }

  settle() {
    this.article.removeAttribute("aria-busy");
    this.parts.error.textContent = this.failed ? this.summary : "";
    this.parts.error.hidden = this.parts.retry.hidden = !this.failed;
    this.parts.note.hidden = this.parts.result.hidden = this.parts.more.hidden = true;
    this.shownNearest = "";
  }

  showLabels() {
    const { labels } = this.result;
    const marking = task === MULTILABEL;
    const marked = marking ? labels.filter(({ share }) => share >= MARKED_FROM).length : 0;
    const least = Math.max(SHOWN, marked);
    const all = this.parts.more.getAttribute("aria-expanded") === "true";
    this.list("bars", `Labels of ${this.file.name}`, labels.slice(0, all ? labels.length : least).map((found) => {
      const fill = element("span", "");
      fill.style.setProperty("--share", Math.min(1, Math.max(0, found.share)));
      const bar = element("span", "bar", fill);
      bar.setAttribute("aria-hidden", "true");
      const label = element("span", "label", found.label);
      const row = element("li", "", label, element("span", "number", percent(found.share)), bar);
      if (marking && found.share >= MARKED_FROM) {
        row.className = "marked";
        const told = element("span", "visually-hidden", " (at or above 50 %)");
        label.append(element("span", "mark", " ✓", told));
      }
      return row;
    }));
    this.parts.note.hidden = !marking;
    this.parts.note.textContent = marked ? `${marked} at or above 50 %` : "None at or above 50 %";
    this.parts.more.hidden = labels.length <= least;
    this.parts.more.textContent = all ? "Fewer labels" : `All ${labels.length} labels`;
  }

  showNearest() {
    if (!this.result?.features) return;
    const nearest = [...this.similarity].sort((a, b) => b[1] - a[1]).slice(0, SHOWN);
    const shown = nearest.map(([card, cosine]) => `${card.id} ${cosine} ${card.blank}`).join();
    if (shown === this.shownNearest && shown) return;
    this.shownNearest = shown;
    this.parts.note.hidden = false;
    this.parts.note.textContent = nearest.length ? "Nearest, by cosine similarity" : "Drop another picture to compare.";
    this.list("nearest", `Nearest to ${this.file.name}`, nearest.map(([card, cosine]) => {
      const thumb = element(card.blank ? "span" : "img", "blank");
      if (!card.blank) Object.assign(thumb, { className: "", alt: "", draggable: false, src: card.url });
      return element("li", "", thumb, element("span", "name", card.file.name), element("span", "number", cosine.toFixed(3)));
    }));
  }

  list(className, label, rows) {
    this.parts.result.className = `result ${className}`;
    this.parts.result.setAttribute("aria-label", label);
    this.parts.result.replaceChildren(...rows);
    this.parts.result.hidden = !rows.length;
  }
}

/** Cards for files; before the endpoint is known, they wait for it. */
function add(files) {
  if (!files.length) return say("No pictures in there.");
  const added = files.map((file) => new Card(file));
  cards.push(...added);
  page.cards.append(...added.map((card) => card.root));
  say(task ? `${counted(added.length)} added.` : `${counted(added.length)} will be sent once the endpoint is connected.`);
  cardsChanged();
  if (task) added.forEach(score);
}

function removeCard(card) {
  const place = cards.indexOf(card);
  cards.splice(place, 1);
  card.controller.abort();
  forget(card);
  card.root.remove();
  URL.revokeObjectURL(card.url);
  cardsChanged();
  say(`${card.file.name} removed.`);
  const next = cards[place] ?? cards[place - 1];
  (next ? next.root.querySelector(".remove") : page.drop).focus();
}

function cardsChanged() {
  page.toolbar.hidden = !cards.length;
  page.count.textContent = counted(cards.length);
  const chosen = page.chosen.value;
  page.chosen.replaceChildren(...cards.map((card) => new Option(card.file.name, card.id)));
  if (!cards.length) page.chosen.append(new Option("picture.jpg (an example)", ""));
  if (cards.some((card) => card.id === chosen)) page.chosen.value = chosen;
  showCode();
}

// Scoring --------------------------------------------------------------------------------------

const waiting = [];
const settled = new Set();
let running = 0;

/** Score a card anew; whatever is still under way for it no longer counts. */
function score(card) {
  card.controller.abort();
  card.controller = new AbortController();
  card.wait();
  if (!waiting.includes(card)) waiting.push(card);
  pump();
}

function pump() {
  while (running < REQUESTS_AT_ONCE && waiting.length) {
    const card = waiting.shift();
    running += 1;
    run(card, card.controller.signal).finally(() => {
      running -= 1;
      pump();
    });
  }
  if (running || !settled.size) return;
  const done = [...settled];
  settled.clear();
  const failed = done.filter((card) => card.failed).length;
  if (done.length === 1) say(`${done[0].file.name}: ${done[0].summary}`);
  else say(`${counted(done.length - failed)} scored${failed ? `, ${failed} failed` : ""}.`);
}

async function run(card, signal) {
  if (signal.aborted) return;
  const secret = key;
  const labels = labelsText();
  let facts = "";
  try {
    const image = await base64Of(card.file);
    if (signal.aborted) return;
    const input = labels
      ? { columns: ["image", "text"], index: [0], data: [[image, labels]] }
      : { columns: ["image"], index: [0], data: [image] };
    const started = performance.now();
    const answer = await ask("score", secret, {
      method: "POST",
      // A deployment may answer in another style unless asked for this one.
      headers: { "Content-Type": "application/json", "X-Tintype-Response-Style": "probs" },
      body: JSON.stringify({ input_data: input }),
      signal,
    });
    const milliseconds = Math.max(1, Math.round(performance.now() - started));
    if (signal.aborted) return;
    const deployment = answer.response.headers.get("azureml-model-deployment");
    facts = deployment ? `${milliseconds} ms · ${deployment}` : `${milliseconds} ms`;
    // Once, however many answers say so, and not where a newer key has come meanwhile.
    const first = secret === key && page["key-form"].hidden;
    if (answer.response.status === 401 && first) askForKey(secret ? WRONG_KEY : "");
    if (!answer.response.ok) throw new Refusal(refusalText(answer));
    const result = readAnswer(answer.body);
    card.succeed(result, result.features ? `${facts} · ${result.features.length} numbers` : facts);
  } catch (error) {
    if (signal.aborted) return;
    card.fail(error instanceof Refusal ? error.message : NOT_UNDERSTOOD, facts);
  }
  settled.add(card);
}

/** Labels sorted by probability, or features of length 1. */
function readAnswer(body) {
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

/** The labels as the server takes them: a JSON list as it stands, else commas for line ends too. */
function labelsText() {
  const text = task === ZERO_SHOT ? page.labels.value.trim() : "";
  return text.startsWith("[") ? text : text.split(/[,\n]/).map((label) => label.trim()).filter(Boolean).join(", ");
}

// Nearest pictures -----------------------------------------------------------------------------

let nearestAsked = false;

/** Bring every card's list up to date, once for all changes before the next frame. */
function showNearest() {
  if (nearestAsked) return;
  nearestAsked = true;
  requestAnimationFrame(() => {
    nearestAsked = false;
    for (const card of cards) card.showNearest();
  });
}

function remember(card) {
  forget(card);
  const mine = card.result.features;
  for (const other of cards) {
    const theirs = other.result?.features;
    // Deployments behind one endpoint may have models of different sizes: those do not compare.
    if (other === card || theirs?.length !== mine.length) continue;
    const cosine = mine.reduce((sum, value, place) => sum + value * theirs[place], 0);
    card.similarity.set(other, cosine);
    other.similarity.set(card, cosine);
  }
  showNearest();
}

function forget(card) {
  for (const other of card.similarity.keys()) other.similarity.delete(card);
  card.similarity.clear();
  showNearest();
}

// The request as code --------------------------------------------------------------------------

// In single quotes a shell takes everything as it stands; a terminal does not, pasted controls.
const shell = (text) => `'${text.replace(/[\u0000-\u001f\u007f]/g, "_").replaceAll("'", "'\\''")}'`;

function curlText(name, labels) {
  const image = `"$(base64 < ${shell(name)} | tr -d '\\n')"`;
  const [input, values] = labels
    ? ['"columns": ["image", "text"], "index": [0], "data": [["%s", %s]]', `${image} ${shell(JSON.stringify(labels))}`]
    : ['"columns": ["image"], "index": [0], "data": ["%s"]', image];
  return [
    `printf '{"input_data": {${input}}}' \\`,
    `    ${values} |`,
    `  curl --fail-with-body ${shell(`${BASE}score`)} \\`,
    ...(key ? ['    -H "Authorization: Bearer $TINTYPE_KEY" \\'] : []),
    "    -H 'Content-Type: application/json' \\",
    "    --data-binary @-",
  ].join("\n");
}

function pythonText(name, labels) {
  // What JSON writes as a text is a text of Python too.
  const [columns, row] = labels ? ['"image", "text"', `[image, ${JSON.stringify(labels)}]`] : ['"image"', "image"];
  return [
    "import base64", "import json", ...(key ? ["import os"] : []), "import urllib.request", "",
    `with open(${JSON.stringify(name)}, "rb") as file:`,
    "    image = base64.b64encode(file.read()).decode()",
    `body = {"input_data": {"columns": [${columns}], "index": [0], "data": [${row}]}}`,
    "request = urllib.request.Request(",
    `    ${JSON.stringify(`${BASE}score`)},`,
    "    data=json.dumps(body).encode(),",
    "    headers={",
    ...(key ? ['        "Authorization": "Bearer " + os.environ["TINTYPE_KEY"],'] : []),
    '        "Content-Type": "application/json",',
    "    },",
    ")",
    "with urllib.request.urlopen(request) as response:",
    "    print(response.read().decode())",
  ].join("\n");
}

const language = () => document.querySelector("input[name=language]:checked").value;

function showCode() {
  const card = cards.find(({ id }) => id === page.chosen.value);
  const text = language() === "curl" ? curlText : pythonText;
  page.code.textContent = text(card?.file.name ?? "picture.jpg", labelsText());
}

function choose(card) {
  page.chosen.value = card.id;
  showCode();
  page.copy.focus();
}

async function copy() {
  try {
    await navigator.clipboard.writeText(page.code.textContent);
    say(`Copied as ${language()}.`);
  } catch {
    // Without HTTPS or leave there is no clipboard; the reader's own keys still reach it.
    getSelection().selectAllChildren(page.code);
    say("The code is selected: press Ctrl+C (⌘C on a Mac) to copy it.");
  }
}

// Events ---------------------------------------------------------------------------------------

page["key-form"].addEventListener("submit", (event) => {
  event.preventDefault();
  const typed = page.key.value.trim();
  page["key-message"].textContent = "";
  if (/^[\x21-\x7e]+$/.test(typed)) {
    page.key.removeAttribute("aria-invalid");
    connect(typed);
  } else {
    askForKey("A key has only letters, digits and signs of ASCII, without spaces.");
  }
});
page.forget.addEventListener("click", () => {
  storeKey("");
  connect("");
});
page.reconnect.addEventListener("click", () => connect(tried));

const pick = () => page.files.click();
page.drop.addEventListener("click", pick);
page.add.addEventListener("click", pick);
page.files.addEventListener("change", () => {
  const files = [...page.files.files];
  page.files.value = "";
  if (files.length) add(files);
});
page.clear.addEventListener("click", () => {
  for (const card of [...cards]) removeCard(card);
  say("All pictures removed.");
});

// Wherever on the page a file falls, it is taken, and the browser does not leave for it.
const bringsFiles = (event) => event.dataTransfer.types.includes("Files");
for (const kind of ["dragenter", "dragover"]) {
  window.addEventListener(kind, (event) => {
    if (!bringsFiles(event)) return;
    event.preventDefault();
    page.drop.classList.add("over");
  });
}
window.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) page.drop.classList.remove("over");
});
window.addEventListener("drop", (event) => {
  page.drop.classList.remove("over");
  if (!bringsFiles(event)) return;
  event.preventDefault();
  add([...event.dataTransfer.files]);
});

let pasted = 0;
document.addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (!files.length) return;
  event.preventDefault();
  // Browsers call every copied picture image.png.
  add(files.map((file) => {
    const [, kind] = /^image\.(\w+)$/.exec(file.name) ?? [];
    return kind ? new File([file], `pasted-${++pasted}.${kind}`, { type: file.type }) : file;
  }));
});

let timer = 0;
page.labels.addEventListener("input", () => {
  // From here on, no answer to the older labels is shown.
  for (const card of cards) {
    card.controller.abort();
    card.wait();
  }
  clearTimeout(timer);
  timer = setTimeout(() => cards.forEach(score), DEBOUNCE_MS);
  showCode();
});

for (const control of [page.chosen, ...document.querySelectorAll("input[name=language]")]) {
  control.addEventListener("change", showCode);
}
page.copy.addEventListener("click", copy);

const lastPart = BASE.split("/").at(-2);
try {
  page.endpoint.textContent = decodeURIComponent(lastPart);
} catch {
  page.endpoint.textContent = lastPart;
}
cardsChanged();
connect(storedKey());
