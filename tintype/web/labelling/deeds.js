// What people do to pictures: shown at once, and put into the outbox.

import { picturesById } from "./feeds.js";
import { counted } from "../shared/html.js";
import { notices } from "./notices.js";

// Who was away longer did not look at the picture all the time.
const LONGEST_SECONDS = 300;

const sameLabels = (first, second) => first.length === second.length && first.every((label) => second.includes(label));
const told = (labels) => (labels.length ? labels.join(", ") : "none");

export class Deeds {
  #project;
  #sequence;
  #outbox;
  #ends = [];
  /** Undos and redos on their way, and what waits for them. */
  #reversals = 0;
  #held = [];

  /** `review`: whether answers are a reviewer's last word. `multilabel`: whether a picture may have no label. */
  constructor(project, sequence, outbox, { review = false, multilabel = false } = {}) {
    Object.assign(this, { review, multilabel });
    this.#project = project;
    this.#sequence = sequence;
    this.#outbox = outbox;
    this.#listen(outbox.onDone, (entry, answer) => entry.project === project && this.#done(entry, answer));
    this.#listen(outbox.onRefused, (entry, refusal) => entry.project === project && this.#refused(entry, refusal));
    this.#ends.push(outbox.subscribe(() => outbox.state === "offline" && this.#release()));
  }

  close() {
    this.#ends.forEach((end) => end());
  }

  /** Give all items the same labels. */
  label(items, labels) {
    const bulk = items.length > 1;
    const changed = !bulk && items[0].suggestion && !sameLabels(items[0].suggestion.labels, labels);
    this.#answer(items, () => labels, bulk ? "bulk" : changed ? "changed" : "chosen");
    notices.say(`${told(labels)}: ${named(items)}`);
  }

  /** Give each item what is drafted for it. */
  confirm(items) {
    const drafts = items.map((item) => item.draft ?? item.labels);
    const first = items[0];
    const how = items.length > 1 ? "bulk" : first.suggestion && !sameLabels(first.suggestion.labels, drafts[0]) ? "changed" : "chosen";
    this.#answer(items, (item) => item.draft ?? item.labels, how);
    notices.say(items.length > 1 ? `Confirmed: ${named(items)}` : `${told(drafts[0])}: ${named(items)}`);
  }

  /** Give each item what is suggested for it; whether there was any. */
  takeSuggestions(items) {
    const suggested = items.filter((item) => item.suggestion && (this.multilabel || item.suggestion.labels.length === 1));
    if (!suggested.length) {
      notices.say("There is no suggestion for it yet.");
      return false;
    }
    this.#answer(suggested, (item) => item.suggestion.labels, "suggested");
    notices.say(`As suggested${suggested.length > 1 ? "" : `, ${told(suggested[0].suggestion.labels)}`}: ${named(suggested)}`);
    return true;
  }

  skip(items, text) {
    this.#send("skip", items, { text });
    for (const item of items) Object.assign(item, { answered: "skip", labels: [], draft: null, note: "" });
    notices.say(`Skipped: ${named(items)}`);
    this.#sequence.changed();
  }

  clear(items) {
    this.#send("clear", items);
    for (const item of items) Object.assign(item, { answered: null, labels: [], state: "unlabelled", draft: null });
    notices.say(`Labels taken away: ${named(items)}`);
    this.#sequence.changed();
  }

  flag(items) {
    const flagged = !items.every((item) => item.flagged);
    this.#send(flagged ? "flag" : "unflag", items);
    for (const item of items) item.flagged = flagged;
    notices.say(`${flagged ? "Flagged" : "Flag taken away"}: ${named(items)}`);
    this.#sequence.changed();
  }

  comment(items, text) {
    this.#send("comment", items, { text });
    notices.say(`Comment kept: ${named(items)}`);
    this.#sequence.changed();
  }

  /** A reviewer leaves items as they are, for good. */
  accept(items) {
    this.#send("accept", items);
    for (const item of items) Object.assign(item, { answered: "label", state: "completed", draft: null });
    notices.say(`Accepted: ${named(items)}`);
    this.#sequence.changed();
  }

  /** A reviewer gives items back to the queue. */
  reject(items, text) {
    this.#send("reject", items, { text });
    for (const item of items) Object.assign(item, { answered: "skip", state: "unlabelled", labels: [], draft: null });
    notices.say(`Back to the queue: ${named(items)}`);
    this.#sequence.changed();
  }

  undo() {
    this.#reversals += 1;
    this.#outbox.add(this.#project, "undo", {});
  }

  redo() {
    this.#reversals += 1;
    this.#outbox.add(this.#project, "redo", {});
  }

  /** Do what a key asks for when it is known which picture is undone: at once where none is, or the server is away. */
  whenReversed(act) {
    if (!this.#reversals || this.#outbox.state === "offline") act();
    else {
      this.#held.push(act);
      this.#outbox.await(1);
    }
  }

  #release() {
    const held = this.#held.splice(0);
    held.forEach((act) => act());
    if (held.length) this.#outbox.await(-held.length);
  }

  #reversed() {
    this.#reversals = Math.max(0, this.#reversals - 1);
    if (!this.#reversals) this.#release();
  }

  #answer(items, labelsOf, how) {
    const given = items.map((item) => [item.id, labelsOf(item)]);
    const same = given.every(([, labels]) => sameLabels(labels, given[0][1]));
    const labels = same ? { labels: given[0][1] } : { labels_by_picture: Object.fromEntries(given) };
    this.#send(this.review ? "change" : "label", items, { ...labels, how });
    items.forEach((item, place) => Object.assign(item, {
      answered: "label", labels: given[place][1], state: this.review ? "completed" : "labelled", draft: null, note: "",
    }));
    this.#sequence.changed();
  }

  #send(kind, items, more = {}) {
    const seconds = (performance.now() - this.#sequence.shownAt) / 1000 / items.length;
    this.#outbox.add(this.#project, "actions", {
      kind,
      pictures: items.map((item) => item.id),
      revisions: Object.fromEntries(items.map((item) => [item.id, item.revision])),
      ...(seconds < LONGEST_SECONDS && kind !== "comment" ? { seconds: Math.round(seconds * 1000) / 1000 } : {}),
      ...more,
    });
    for (const item of items) item.unsaved += 1;
  }

  async #done(entry, answer) {
    const reversed = entry.route !== "actions";
    const unknown = [];
    for (const picture of answer.pictures) {
      const item = this.#sequence.find(picture.id);
      if (!item) {
        unknown.push(picture.id);
        continue;
      }
      if (!reversed) item.unsaved = Math.max(0, item.unsaved - 1);
      item.revision = picture.revision;
      // With more on its way, or while others are to answer, too, the page knows better what was answered here.
      if (item.unsaved) continue;
      if (reversed) Object.assign(item, picture, { answered: this.#answered(picture), draft: null });
      else if (!(picture.state === "unlabelled" && item.answered)) Object.assign(item, picture);
    }
    if (!reversed && answer.conflicts.length) notices.warn(leftAsTheyAre(answer.conflicts.length));
    if (reversed) {
      await this.#tellReversed(entry.route, answer, unknown);
      this.#reversed();
    }
    this.#sequence.changed();
  }

  /** What was answered of a picture, by the state that the server tells. */
  #answered({ state }) {
    if (this.review) return state === "completed" ? "label" : null;
    if (state === "skipped") return "skip";
    return state === "labelled" || state === "completed" ? "label" : null;
  }

  async #tellReversed(route, answer, unknown) {
    const what = route === "undo" ? "Undone" : "Done again";
    const [only] = answer.pictures.length === 1 ? answer.pictures : [];
    const name = only && (this.#sequence.find(only.id)?.name ?? "a picture");
    notices.say(`${what}: ${only ? `${name}, ${only.labels.length ? told(only.labels) : only.state.replace("_", " ")}` : counted(answer.pictures.length)}`);
    if (answer.conflicts.length) notices.warn(leftAsTheyAre(answer.conflicts.length));
    const first = answer.pictures[0]?.id;
    if (unknown.includes(first)) {
      // It was answered before this page was opened.
      const [picture] = await picturesById(this.#project, [first]).catch(() => []);
      if (picture && !this.#sequence.find(first)) this.#sequence.insert(picture);
    } else if (first !== undefined) {
      this.#sequence.go(this.#sequence.items.indexOf(this.#sequence.find(first)));
      // What is undone is to be answered anew; what is done again is done.
      if (route === "redo" && this.#sequence.item.answered) this.#sequence.advance();
    }
  }

  /** Look again at what an action was about that could not be done, and say why. */
  async #refused(entry, refusal) {
    if (entry.route !== "actions") {
      notices.say(capital(refusal.message));
      this.#reversed();
      return;
    }
    const ids = entry.body.pictures;
    const items = ids.map((id) => this.#sequence.find(id)).filter(Boolean);
    for (const item of items) item.unsaved = Math.max(0, item.unsaved - 1);
    const now = new Map((await picturesById(this.#project, items.map(({ id }) => id)).catch(() => [])).map((picture) => [picture.id, picture]));
    for (const item of items) {
      const picture = now.get(item.id);
      if (!picture || item.unsaved) continue;
      Object.assign(item, picture, { answered: this.#answered(picture), draft: null, note: "look again" });
    }
    const look = items.length ? () => this.#sequence.go(this.#sequence.items.indexOf(items[0])) : null;
    notices.warn(`Not saved (${entry.body.kind}, ${named(items.length ? items : ids)}): ${refusal.message}`, look ? "Look at it" : "", look);
    this.#sequence.changed();
  }

  #listen(listeners, listener) {
    listeners.add(listener);
    this.#ends.push(() => listeners.delete(listener));
  }
}

const leftAsTheyAre = (count) => `${counted(count)} had been changed by somebody else since, and ${count === 1 ? "is left as it is" : "are left as they are"}.`;
const named = (items) => (items.length === 1 && items[0].name ? items[0].name : counted(items.length));
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
