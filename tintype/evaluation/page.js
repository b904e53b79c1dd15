// The page of an evaluation. Its data are those of page.py.

import { Chart } from "../pages/components/chart.js";
import { DataTable } from "../pages/components/data_table.js";
import { ExplainedPictures, howToRead } from "../pages/components/explained_pictures.js";
import { html, useMemo, useState } from "../pages/components/html.js";
import { counted, percent, share } from "../pages/components/numbers.js";
import { PictureGrid } from "../pages/components/picture_grid.js";
import { Lead, Section, showPage } from "../pages/components/show_page.js";
import { Slider } from "../pages/components/slider.js";
import { Classes, Labels, Metrics, Predictions, predictionsOf } from "./sections.js";

const UNIT = [0, 1];
const ANSWERED = 0.8; // where the slider of confidence begins

function Page({ data }) {
  const predictions = useMemo(() => predictionsOf(data), [data]);
  return html`
    <${Lead} data=${data} />
    <${Metrics} data=${data} />
    <${NearDuplicates} data=${data} />
    <${Predictions} data=${data} predictions=${predictions} />
    ${data.explained && html`
      <${Section} title="Surest mistakes explained" hint=${howToRead(data.explained)}>
        <${ExplainedPictures} explained=${data.explained} />
      <//>`}
    <${data.multilabel ? Labels : Classes} data=${data} predictions=${predictions} />
    <${data.multilabel ? LabelThresholds : Confidence} data=${data} />
    <${Curves} data=${data} />
    <${ClassTable} data=${data} />`;
}

function NearDuplicates({ data }) {
  const found = data.near_duplicates;
  if (!found) return null;
  const items = found.pairs.flatMap((pair) => pair.map(([name, picture], at) => ({
    src: picture, name, alt: `${["evaluated", "trained on"][at]}: ${name}`, caption: ["evaluated", "trained on"][at], mark: "",
  })));
  return html`
    <${Section} title="Near-duplicates of training images" hint=${`${found.count.toLocaleString("en")} of ${found.images.toLocaleString("en")} images are nearly the same as images that the model was trained on, so that the metrics are too good. Remove them, or say which images belong together (group_pattern or group_column_name).`}>
      <${PictureGrid} items=${items} page=${16} />
    <//>`;
}

function LabelThresholds({ data }) {
  const { thresholds, rows } = data.thresholds;
  const begin = data.threshold ?? 0.5;
  const [at, setAt] = useState(() => thresholds.reduce((best, value, place) => (Math.abs(value - begin) < Math.abs(thresholds[best] - begin) ? place : best), 0));
  const best = useMemo(() => new Map(rows.map((row) => [row, row.f1_score.reduce((most, value, place) => (value > row.f1_score[most] ? place : most), 0)])), [rows]);
  const score = (title, key) => ({ title, value: (row) => row[key][at], draw: (row) => share(row[key][at]), end: true });
  return html`
    <${Section} title="Labels by threshold" hint="Best F1 is the highest on these very images, and would be a little lower on others.">
      <${Slider} label="Threshold" values=${thresholds} at=${at} onAt=${setAt} />
      <div class="side-by-side">
        <${DataTable} label="Labels by threshold" rows=${rows} search=${({ name }) => name} columns=${[
          { title: "class", value: ({ name }) => name },
          { title: "support", value: ({ support }) => support, end: true },
          score("precision", "precision"), score("recall", "recall"), score("F1", "f1_score"),
          { title: "best F1", value: (row) => row.f1_score[best.get(row)], draw: (row) => `${share(row.f1_score[best.get(row)])} at ${thresholds[best.get(row)].toFixed(2)}`, end: true },
        ]} />
        <${Chart} title="F1 by threshold" x=${{ label: "threshold", range: UNIT }} y=${{ label: "F1", range: UNIT }}
          series=${rows.slice(0, 12).map((row, place) => ({ name: row.name, x: thresholds, y: row.f1_score, main: place === 0 }))} />
      </div>
    <//>`;
}

function Confidence({ data }) {
  const { thresholds, answered, accuracy } = data.thresholds;
  const [at, setAt] = useState(() => answered.findLastIndex((value) => value >= ANSWERED));
  const there = accuracy.map((value, place) => place).filter((place) => accuracy[place] !== null);
  const notes = there.map((place) => `confidence ${thresholds[place].toFixed(2)} and above`);
  return html`
    <${Section} title="Answers by confidence" hint="What comes of answering only where the model is sure, and leaving the other images to people.">
      <${Slider} label="Least confidence" values=${thresholds} at=${at} onAt=${setAt} />
      <p role="status">${accuracy[at] === null
        ? "No image is answered."
        : html`<strong>${percent(answered[at], 1)}</strong> of the images are answered, <strong>${percent(accuracy[at], 1)}</strong> of them rightly.`}</p>
      <${Chart} title="Accuracy of what is answered" height=${260} x=${{ label: "share answered", range: UNIT }} y=${{ label: "accuracy" }}
        series=${[{ name: "answers", x: there.map((place) => answered[place]), y: there.map((place) => accuracy[place]), notes },
          ...(accuracy[at] === null ? [] : [{ name: "at the slider", kind: "points", x: [answered[at]], y: [accuracy[at]] }])]} />
    <//>`;
}

function Curves({ data }) {
  const { roc, precision_recall: pr, classes_in_all: all } = data.curves;
  const lines = useMemo(() => {
    const notes = ({ threshold }) => threshold.map((value) => `threshold ${share(value)}`);
    return {
      roc: roc.map((curve, at) => ({ name: curve.name, x: curve.fpr, y: curve.tpr, main: at === 0, notes: notes(curve) })),
      pr: pr.map((curve, at) => ({ name: curve.name, x: curve.recall, y: curve.precision, main: at === 0, notes: notes(curve) })),
    };
  }, [data]);
  const drawn = pr.length - 1;
  return html`
    <${Section} title="Curves" hint=${`Points closer than a pixel are left out of curves. ${all > drawn ? `Of ${all.toLocaleString("en")} classes the ${drawn} most frequent have a curve.` : ""}`}>
      <div class="side-by-side">
        ${lines.roc.length > 0 && html`<${Chart} title="ROC" diagonal x=${{ label: "false positive rate", range: UNIT }} y=${{ label: "true positive rate", range: UNIT }} series=${lines.roc} />`}
        <${Chart} title="Precision and recall" x=${{ label: "recall", range: UNIT }} y=${{ label: "precision", range: UNIT }} series=${lines.pr} />
        <${Reliability} data=${data} />
      </div>
    <//>`;
}

function Reliability({ data }) {
  const { bins, expected_calibration_error: error, before } = data.calibration;
  const filled = (all) => all.filter(({ count }) => count > 0);
  const notes = (all) => all.map(({ count, confidence }) => `${counted(count, "prediction")}, mean confidence ${share(confidence)}`);
  const here = filled(bins);
  const then = before ? filled(before.bins) : [];
  const title = `Reliability: expected calibration error ${share(error)}${before ? `, ${share(before.expected_calibration_error)} before its temperature` : ""}`;
  return html`
    <${Chart} title=${title} diagonal x=${{ label: "confidence", range: UNIT }} y=${{ label: "share that is right", range: UNIT }} series=${[
      { name: "observed", kind: "bars", x: here.map(({ low }) => low), to: here.map(({ high }) => high), y: here.map(({ accuracy }) => accuracy), notes: notes(here) },
      ...(before ? [{ name: "before its temperature", dots: true, x: then.map(({ confidence }) => confidence), y: then.map(({ accuracy }) => accuracy), notes: notes(then) }] : []),
    ]} />`;
}

const SCORES = ["precision", "recall", "F1", "support", "AUC", "average precision"];

function ClassTable({ data }) {
  const rows = useMemo(() => data.class_table.map((values, code) => [data.classes[code], ...values]), [data]);
  return html`
    <${Section} title="Classes">
      <${DataTable} label="Classes" rows=${rows} search=${([name]) => name} columns=${[
        { title: "class", value: ([name]) => name },
        ...SCORES.map((title, at) => ({ title, value: (row) => row[at + 1], draw: (row) => (title === "support" ? row[at + 1].toLocaleString("en") : share(row[at + 1], 4)), end: true })),
      ]} />
    <//>`;
}

showPage(Page);
