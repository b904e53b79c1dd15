// A new job: a form makes the YAML, which can be edited; it is checked as it is typed, and submitted as it stands.

import { ask } from "../../../shared/api.js";
import { html, useEffect, useLoaded, useRef, useState } from "../../../shared/html.js";
import { CommandLine } from "../../parts/command_line.js";
import { complain, say } from "../../parts/toasts.js";
import { YamlEditor } from "../../parts/yaml_editor.js";
import { go } from "../../router.js";
import { KINDS, written } from "./templates.js";

const TYPING_MS = 300;

// Data and model are looked at before a run is made.
const SUBMIT_MS = 600_000;

// What the form begins with, where the address does not say otherwise.
const ANSWERS = { kind: "finetuning", task: "image_classification", model: "", data: "", name: "", minutes: "10", trials: "10", register: "" };

export function Page({ query }) {
  const from = query.get("from");
  const choices = useLoaded(() => ask("GET", "/job-choices"), []);
  const [answers, setAnswers] = useState(() => givenBy(query));
  const [yaml, setYaml] = useState(() => written(answers));
  const [edited, setEdited] = useState(false);
  const [submitting, setSubmitting] = useState(false);
  const check = useCheck(yaml);

  useEffect(() => {
    if (!from) return;
    ask("GET", `/jobs/${encodeURIComponent(from)}`).then((run) => {
      setYaml(run.yaml);
      setEdited(true);
    }, complain);
  }, [from]);

  const answer = (key, value) => {
    const next = { ...answers, [key]: value };
    setAnswers(next);
    setYaml(written(next));
    setEdited(false);
  };
  const submit = async () => {
    setSubmitting(true);
    // What the submission says is the last word on this text: an answer still under way knows less.
    check.stop();
    try {
      const run = await ask("POST", "/jobs", { yaml }, { timeout: SUBMIT_MS });
      say("Submitted.");
      go(`/jobs/${encodeURIComponent(run.name)}`);
    } catch (error) {
      check.refused(error.message);
      setSubmitting(false);
    }
  };
  return html`
    <div class="stack">
      <div class="page-head"><h1>New job</h1></div>
      <div class="columns">
        <${Form} answers=${answers} answer=${answer} choices=${choices.value} edited=${edited} />
        <section class="panel" aria-labelledby="document">
          <h2 id="document">Document</h2>
          <${YamlEditor} value=${yaml} problems=${check.problems} onInput=${(text) => {
            setYaml(text);
            setEdited(true);
          }} />
          ${check.notices.map((notice) => html`<p key=${notice} class="hint">${notice}</p>`)}
          <div class="row end">
            ${submitting && html`<p role="status" class="hint">Data and model are looked at …</p>`}
            <button type="button" class="main" disabled=${submitting || check.problems.length > 0} onClick=${submit}>Submit</button>
          </div>
          <${CommandLine} command="tintype job create --file job.yml" />
        </section>
      </div>
      ${choices.value && html`<p class="hint">Relative paths are taken from ${choices.value.folder}</p>`}
    </div>`;
}

/** The answers that the address gives, as `newJobPath` writes them. */
function givenBy(query) {
  const answers = Object.fromEntries(Object.entries(ANSWERS).map(([key, value]) => [key, query.get(key) ?? value]));
  return { ...answers, kind: answers.kind in KINDS ? answers.kind : ANSWERS.kind };
}

/** What is wrong with the document, asked a moment after it was typed. */
function useCheck(yaml) {
  const [found, setFound] = useState({ problems: [], notices: [] });
  const stop = useRef(() => {});
  useEffect(() => {
    const controller = new AbortController();
    const timer = setTimeout(() => {
      ask("POST", "/job-check", { yaml }, { signal: controller.signal }).then(setFound, (error) => {
        if (!controller.signal.aborted) setFound({ problems: [{ line: null, field: null, message: error.message }], notices: [] });
      });
    }, TYPING_MS);
    stop.current = () => {
      clearTimeout(timer);
      controller.abort();
    };
    return stop.current;
  }, [yaml]);
  const refused = (message) => setFound({ problems: message.split("\n").map(problemOf), notices: [] });
  return { ...found, refused, stop: () => stop.current() };
}

/** A line of a refusal, with its place in the document where it names one. */
function problemOf(text) {
  const [, line, rest] = /^line (\d+): (.*)$/s.exec(text) ?? [null, null, text];
  return { line: line && Number(line), field: null, message: rest };
}

function Form({ answers, answer, choices, edited }) {
  const { asks } = KINDS[answers.kind];
  const field = (key, title, more = {}) => asks.includes(key) && html`
    <label key=${key}>${title}<input value=${answers[key]} onInput=${(event) => answer(key, event.target.value)} ...${more} /></label>`;
  const pick = (key, title, options) => asks.includes(key) && html`
    <label key=${key}>${title}
      <select value=${answers[key]} onChange=${(event) => answer(key, event.target.value)}>${options.map(([value, told]) => html`<option key=${value} value=${value} selected=${answers[key] === value}>${told}</option>`)}</select></label>`;
  return html`
    <section class="panel" aria-labelledby="form">
      <h2 id="form">What to do</h2>
      <div class="fields">
        <label>Kind<select value=${answers.kind} onChange=${(event) => answer("kind", event.target.value)}>
          ${Object.entries(KINDS).map(([kind, { title }]) => html`<option key=${kind} value=${kind} selected=${answers.kind === kind}>${title}</option>`)}</select></label>
        <p class="hint">${KINDS[answers.kind].hint}</p>
        ${field("name", "Name", { placeholder: "left out: one is made up" })}
        ${pick("task", "Labels of a picture", [["image_classification", "one"], ["image_classification_multilabel", "any number"]])}
        ${field("model", "Model", { list: "models", placeholder: "tintype/efficientnet-lite0" })}
        ${field("data", "Data", { list: "data", placeholder: "folder, table, or azureml:NAME@latest" })}
        ${field("minutes", "Minutes it may take", { type: "number", min: 1 })}
        ${field("trials", "Trials at most", { type: "number", min: 1 })}
        ${field("register", "Register the model as", { placeholder: "left out: it stays with its run" })}
        <datalist id="models">${(choices?.models ?? []).map((name) => html`<option key=${name} value=${name}></option>`)}</datalist>
        <datalist id="data">${(choices?.data ?? []).map((name) => html`<option key=${name} value=${name}></option>`)}</datalist>
      </div>
      ${edited && html`<p class="hint">The document was edited: what is changed here writes it anew.</p>`}
    </section>`;
}
