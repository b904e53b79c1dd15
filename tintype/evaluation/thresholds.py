"""Precision, recall and F1 of labels by threshold, and the table with a slider that shows them."""

from __future__ import annotations

import html as escaping
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from tintype.evaluation.metrics import Predictions

__all__ = ["threshold_section", "threshold_table"]

_STEPS = 99

# Classes with a row of their own: the most frequent.
_SHOWN = 100


def threshold_table(predictions: Predictions, classes: Sequence[str]) -> dict[str, Any]:
    """Of multi-label predictions at 0.01, 0.02, ..., 0.99: precision, recall and F1.

    Returns:
        `thresholds`, and `rows`: the micro-average, the macro-average over all classes and the most
        frequent classes, each with its `name`, `support` and lists `precision`, `recall`,
        `f1_score`.
    """
    thresholds = np.arange(1, _STEPS + 1) / (_STEPS + 1)
    support = predictions.indicators.sum(0).astype(np.int64)
    hits = np.empty((predictions.classes, _STEPS))
    given = np.empty_like(hits)
    for code in range(predictions.classes):
        scores = predictions.probabilities[:, code]
        true = np.sort(scores[predictions.indicators[:, code] > 0])
        hits[code] = len(true) - np.searchsorted(true, thresholds)
        given[code] = len(scores) - np.searchsorted(np.sort(scores), thresholds)
    by_class = _scores(hits, given, support[:, None])
    micro = _scores(hits.sum(0), given.sum(0), support.sum())
    rows = [
        _row("micro average", int(support.sum()), *micro),
        _row("macro average", int(support.sum()), *(part.mean(0) for part in by_class)),
    ]
    frequent = np.sort(np.argsort(-support, kind="stable")[:_SHOWN])
    rows += [_row(classes[c], int(support[c]), *(part[c] for part in by_class)) for c in frequent]
    return {"thresholds": thresholds.round(2).tolist(), "rows": rows}


def threshold_section(table: dict[str, Any], threshold: float) -> str:
    """HTML: a table at `threshold`, and a slider that moves it. Without scripts the table stays."""
    places = table["thresholds"]
    at = int(np.abs(np.array(places) - threshold).argmin())
    rows = []
    for row in table["rows"]:
        values = [row["precision"], row["recall"], row["f1_score"]]
        best = int(np.argmax(row["f1_score"]))
        cells = "".join(f"<td>{part[at]:.3f}</td>" for part in values)
        rows.append(
            f'<tr data-values="{json.dumps(values, separators=(",", ":"))}">'
            f"<td>{escaping.escape(row['name'])}</td><td>{row['support']}</td>{cells}"
            f"<td>{row['f1_score'][best]:.3f}&nbsp;at&nbsp;{places[best]:.2f}</td></tr>"
        )
    heads = ("class", "support", "precision", "recall", "F1", "best F1")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return (
        '<div id="thresholds"><label class="slider">Threshold <output>'
        f"{places[at]:.2f}</output> "
        f'<input type="range" min="1" max="{len(places)}" value="{at + 1}"></label>'
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
        f"</div></div>{_SCRIPT}"
    )


# The values stand in the rows, as numbers only: nothing of the data's text becomes code.
_SCRIPT = """<script>
(() => {
  const box = document.getElementById("thresholds");
  const slider = box.querySelector("input"), shown = box.querySelector("output");
  const rows = [...box.querySelectorAll("tbody tr")].map(
    (row) => [row.cells, JSON.parse(row.dataset.values)]);
  slider.addEventListener("input", () => {
    const place = slider.value - 1;
    shown.value = (slider.value / 100).toFixed(2);
    for (const [cells, values] of rows)
      values.forEach((part, at) => { cells[at + 2].textContent = part[place].toFixed(3); });
  });
})();
</script>"""


def _scores(
    hits: np.ndarray, given: np.ndarray, support: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and F1; 0 where they would be 0 of 0."""
    parts = (given, support, (given + support) / 2)
    precision, recall, f1 = (
        np.divide(hits, whole, out=np.zeros_like(hits), where=np.asarray(whole) > 0)
        for whole in parts
    )
    return precision, recall, f1


def _row(
    name: str, support: int, precision: np.ndarray, recall: np.ndarray, f1: np.ndarray
) -> dict[str, Any]:
    return {
        "name": name,
        "support": support,
        "precision": precision.round(4).tolist(),
        "recall": recall.round(4).tolist(),
        "f1_score": f1.round(4).tolist(),
    }
