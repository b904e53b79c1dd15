// Pictures in a grid, labels beside it, and the keys: what labelling, bulk labelling and reviewing have in common.

import { counted, html, useEffect, useMemo, useObservable, useRef, useState } from "../shared/html.js";
import { session } from "./api.js";
import { AssistantLine } from "./assistant_line.js";
import { Deeds } from "./deeds.js";
import { TextDialog } from "../shared/dialog.js";
import { Feed } from "./feeds.js";
import { columnsOf, focusCurrent, PictureGrid } from "./grid.js";
import { InstructionsPanel } from "./instructions.js";
import { KeysDialog, meaningOf } from "./keys.js";
import { LabelPanel } from "./labels.js";
import { View } from "./large_picture.js";
import { notices } from "./notices.js";
import { PictureDialog } from "./picture_dialog.js";
import { PicturesAhead } from "./pictures_ahead.js";
import { Sequence, SIZES } from "./sequence.js";
import { kept, keep } from "./kept.js";
import { Toolbar } from "./toolbar.js";

const SKIP_REASONS = ["too dark or blurred", "none of the labels", "several things", "not sure"];

/**
 * `moreOf(sequence)` gives what fetches more pictures. `review`: answers are a reviewer's last word. `selectPages`: all
 * of a page is selected when it comes into sight. `tools` stand before the toolbar, `footer` below
 * the pictures; `finished` is said at the end.
 */
export function Work({ project, outbox, moreOf, name, tools = null, footer = null, finished, review = false, selectPages = false, openSimilar }) {
  const work = useMemo(() => {
    const sequence = new Sequence(selectPages ? 16 : keptSize(), { selectPages });
    const feed = new Feed(sequence, moreOf(sequence));
    return { sequence, feed, deeds: new Deeds(project.name, sequence, outbox, { review, multilabel: project.multilabel }), view: new View(), ahead: new PicturesAhead() };
  }, []);
  const { sequence, feed, deeds, view, ahead } = work;
  const [dialog, setDialog] = useState(null);
  const [instructions, setInstructions] = useState(() => kept(`instructions ${project.name}`, project.told.instructions !== ""));
  const [selecting, setSelecting] = useState(selectPages);
  const search = useRef(null);
  useObservable(sequence, project);

  useEffect(() => {
    const look = () => {
      feed.ensure();
      ahead.want(project.name, sequence);
    };
    const done = (entry, answer) => entry.project === project.name && project.count(movesOf(answer.pictures, sequence));
    outbox.onDone.add(done);
    look();
    const ends = [
      sequence.subscribe(look),
      // Whoever has signed in again goes on where they were.
      session.subscribe(() => feed.error && !session.needed && feed.again()),
    ];
    return () => {
      ends.forEach((end) => end());
      outbox.onDone.delete(done);
      deeds.close();
    };
  }, []);

  const commands = commandsOf({ project, sequence, deeds, view, review, setDialog, openSimilar, search, toggleInstructions: () => turnInstructions(!instructions) });
  const turnInstructions = (on) => {
    keep(`instructions ${project.name}`, on);
    setInstructions(on);
  };
  const current = useRef(commands);
  current.current = commands;
  useEffect(() => {
    const pressed = (event) => {
      const meaning = meaningOf(event, project.keys);
      if (!meaning) return;
      event.preventDefault();
      const act = () => (meaning.label ? current.current.chooseLabel(meaning.label) : current.current.run(meaning.command, meaning.extend));
      if (meaning.command === "undo" || meaning.command === "redo") act();
      else deeds.whenReversed(act);
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);

  // A dialog gives the focus back to the picture it was opened from, which may not be the current one any more.
  useEffect(() => {
    if (!dialog) focusCurrent();
  }, [dialog]);

  const item = sequence.item;
  const press = (pressed, event) => {
    if (event.shiftKey) sequence.go(sequence.items.indexOf(pressed), { extend: true });
    else if (event.ctrlKey || event.metaKey || selecting) sequence.toggle(pressed);
    else {
      sequence.select([]);
      sequence.go(sequence.items.indexOf(pressed));
    }
  };
  const targets = sequence.targets;
  const shownLabels = item ? new Set(item.draft ?? item.labels) : new Set();
  const proposed = new Set(item?.answered ? [] : item?.suggestion?.labels ?? []);
  return html`
    <div class=${`work ${instructions ? "with-instructions" : ""}`}>
      <div class="scrolled">
        <div class="work-main">
          <div class="tools">
            ${tools}
            <${Toolbar} project=${project} sequence=${sequence} view=${view} commands=${commands} review=${review} selecting=${selecting}
              setSelecting=${setSelecting} resize=${(size) => { keep("size", size); sequence.resize(size); }} />
          </div>
          ${!project.running && html`<p class="banner" role="status">The project is ${project.told.state}: pictures are shown, and nothing is labelled.</p>`}
          ${sequence.items.length > 0
            ? html`<${PictureGrid} project=${project} sequence=${sequence} view=${view} name=${name} onPress=${press}
                onOpen=${() => selecting || commands.run("large")} onFrame=${(items) => { sequence.select(items); notices.say(`${counted(items.length)} selected`); }} />`
            : html`<${Empty} feed=${feed} finished=${finished} />`}
          <div class="foot">
            ${sequence.items.length > 0 && html`<${Place} sequence=${sequence} feed=${feed} finished=${finished} commands=${commands} />`}
            ${footer}
            <div class="row">
              <button type="button" class="quiet" aria-pressed=${instructions} title="Instructions: Shift + I" onClick=${() => commands.run("instructions")}>Instructions</button>
              <button type="button" class="quiet" title="Keys: ?" onClick=${() => commands.run("help")}>Keys</button>
            </div>
          </div>
        </div>
        ${instructions && html`<${InstructionsPanel} project=${project} onClose=${() => turnInstructions(false)} />`}
      </div>
      <aside class="side" aria-label="Labels and help">
        <${LabelPanel} labels=${project.labels} pressed=${shownLabels} proposed=${proposed} disabled=${!item || !project.running}
          choose=${commands.chooseLabel} searchField=${search} />
        ${project.multilabel && html`<button type="button" class="main confirm" disabled=${!item} onClick=${() => commands.run("confirm")}>
          Confirm ${targets.length > 1 ? counted(targets.length) : shownLabels.size ? "" : "that there is none"} <kbd>Enter</kbd></button>`}
        <${AssistantLine} project=${project} />
      </aside>
      ${dialog?.kind === "keys" && html`<${KeysDialog} onClose=${() => setDialog(null)} />`}
      ${dialog?.kind === "text" && html`<${TextDialog} ...${dialog} onClose=${() => setDialog(null)}
        done=${(text) => { setDialog(null); dialog.done(text); }} />`}
      ${dialog?.kind === "picture" && html`<${PictureDialog} project=${project} id=${dialog.id} onClose=${() => setDialog(null)} />`}
    </div>`;
}

/** What an answer of the server changes about the project's counts, of the pictures that are here. */
function movesOf(pictures, sequence) {
  const moves = [];
  for (const { id, state } of pictures) {
    const item = sequence.find(id);
    if (!item || item.counted === state) continue;
    moves.push({ from: item.counted, to: state });
    item.counted = state;
  }
  return moves;
}

const keptSize = () => (SIZES.includes(kept("size", 9)) ? kept("size", 9) : 9);

/** What keys and buttons do. */
function commandsOf({ project, sequence, deeds, view, review, setDialog, openSimilar, search, toggleInstructions }) {
  const columns = () => columnsOf(sequence.size);
  const askFor = (given, done) => {
    const items = sequence.targets;
    setDialog({ kind: "text", ...given, done: (text) => done(items, text) });
  };
  const turnLarge = () => {
    const before = SIZES.includes(kept("grid-size", 9)) ? kept("grid-size", 9) : 9;
    if (sequence.size !== 1) keep("grid-size", sequence.size);
    sequence.resize(sequence.size === 1 ? before : 1);
  };
  const confirm = (items) => {
    const drafted = items.some((item) => item.draft);
    if (review && !drafted) {
      const open = items.filter((item) => item.state === "needs_review" || item.state === "unlabelled");
      if (open.length) return notices.say("There is nothing to accept: give it a label.");
      deeds.accept(items);
    } else if (project.multilabel) deeds.confirm(items);
    else return turnLarge();
    return sequence.advance();
  };
  // Those that change something need a picture and a running project.
  const changing = {
    "take suggestion": (items) => deeds.takeSuggestions(items) && sequence.advance(),
    clear: (items) => !review && deeds.clear(items),
    flag: (items) => deeds.flag(items),
    skip: () => !review && askFor({ title: "Skip", label: "Why can it not be labelled?", suggestions: SKIP_REASONS }, (items, text) => {
      deeds.skip(items, text);
      sequence.advance();
    }),
    comment: () => askFor({ title: "Comment", label: "Comment, for everybody who works here", required: true }, (items, text) => deeds.comment(items, text)),
    reject: () => review && askFor({ title: "Reject", label: "Why? It goes back to the queue." }, (items, text) => {
      deeds.reject(items, text);
      sequence.advance();
    }),
  };
  const others = {
    left: (extend) => sequence.move(-1, { extend }),
    right: (extend) => sequence.move(1, { extend }),
    up: (extend) => sequence.move(-columns(), { extend }),
    down: (extend) => sequence.move(columns(), { extend }),
    first: (extend) => sequence.go(sequence.start, { extend }),
    last: (extend) => sequence.go(Math.min(sequence.start + sequence.size, sequence.items.length) - 1, { extend }),
    "previous page": () => sequence.turn(-1),
    "next page": () => sequence.turn(1),
    confirm: () => sequence.item && confirm(sequence.targets),
    unselect: () => sequence.select([]),
    "select all": () => sequence.select(sequence.page),
    select: () => sequence.item && sequence.toggle(sequence.item),
    large: turnLarge,
    undo: () => deeds.undo(),
    redo: () => deeds.redo(),
    similar: () => sequence.item && openSimilar(sequence.item.id),
    history: () => sequence.item && setDialog({ kind: "picture", id: sequence.item.id }),
    help: () => setDialog({ kind: "keys" }),
    search: () => search.current?.focus(),
    instructions: toggleInstructions,
    "zoom in": () => view.zoomBy(1.5),
    "zoom out": () => view.zoomBy(1 / 1.5),
    "rotate left": () => view.turn(-1),
    "rotate right": () => view.turn(1),
    brighter: () => view.brighten(1),
    darker: () => view.brighten(-1),
  };
  const run = (command, extend = false) => {
    if (changing[command]) {
      if (sequence.item && project.running) changing[command](sequence.targets);
    } else others[command](extend);
  };
  const chooseLabel = (label) => {
    const items = sequence.targets;
    if (!items.length || !project.running) return;
    if (project.multilabel) toggleDraft(items, label.name, sequence);
    else {
      deeds.label(items, [label.name]);
      sequence.advance();
    }
  };
  return { run, chooseLabel };
}

/** Give a label to the drafts of all items, or take it from them where all have it. */
function toggleDraft(items, name, sequence) {
  const of = (item) => item.draft ?? item.labels;
  const all = items.every((item) => of(item).includes(name));
  for (const item of items) item.draft = all ? of(item).filter((label) => label !== name) : [...new Set([...of(item), name])];
  notices.say(`${name} ${all ? "taken away" : "given"}; Enter confirms`);
  sequence.changed();
}

function Place({ sequence, feed, finished, commands }) {
  const { start, size, items } = sequence;
  const open = items.filter((item) => !item.answered).length;
  const end = Math.min(start + size, items.length);
  return html`
    <nav class="place" aria-label="Pages of pictures">
      <button type="button" aria-label="Previous page" disabled=${start === 0} onClick=${() => commands.run("previous page")}>‹</button>
      <span>${size === 1 ? `Picture ${start + 1}` : `Pictures ${start + 1} to ${end}`}${feed.done ? ` of ${items.length}` : ""}</span>
      <button type="button" aria-label="Next page" disabled=${end >= items.length} onClick=${() => commands.run("next page")}>›</button>
      ${open === 0 && feed.done && html`<span class="finished" role="status">${finished}</span> <button type="button" onClick=${() => feed.again()}>Look for more</button>`}
      ${feed.error && html`<span class="error">${feed.error.message}</span> <button type="button" onClick=${() => feed.again()}>Try again</button>`}
    </nav>`;
}

function Empty({ feed, finished }) {
  if (feed.error) return html`<div class="empty"><p class="error" role="alert">${feed.error.message}</p><button type="button" onClick=${() => feed.again()}>Try again</button></div>`;
  if (feed.done) return html`<div class="empty"><p>${finished}</p><button type="button" onClick=${() => feed.again()}>Look again</button></div>`;
  return html`<div class="empty"><p role="status">Fetching pictures …</p></div>`;
}
