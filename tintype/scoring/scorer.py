"""Scorer: a model that turns images into probabilities or embeddings, in any runtime."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from tintype.data.image_table import ImageTable
from tintype.errors import ModelError, UsageError
from tintype.images.loading import Failure, ImageSource, iterate_pixels
from tintype.images.views import as_seen
from tintype.models.families import TEXT_AND_IMAGE
from tintype.models.runtimes.text import TextEncoder, open_text_encoder
from tintype.progress import track
from tintype.schemas.scorer_options import ScorerOptions
from tintype.schemas.task import EMBEDDINGS, MULTILABEL, ZERO_SHOT
from tintype.scoring.calibration import temperature_of, thresholds_of
from tintype.scoring.image_text import check_texts
from tintype.scoring.label_sets import LabelSet, LabelSets
from tintype.scoring.loading import LoadedModel, load_model
from tintype.scoring.results import Embedding, Prediction, Result, TableScores
from tintype.scoring.views import mean_of_views

__all__ = ["Scorer"]


class Scorer:
    """Loads once, predicts many times; may be called from several threads.

    >>> scorer = Scorer.load("outputs/mlflow-model")                        # doctest: +SKIP
    >>> scorer.predict(["cat.jpg"])[0].top(2)                               # doctest: +SKIP
    [('cat', 0.98), ('dog', 0.01)]
    >>> clip = Scorer.load("openai/clip-vit-base-patch32")                  # doctest: +SKIP
    >>> clip.predict(["cat.jpg"], labels=["a cat", "a dog"])[0].top(1)      # doctest: +SKIP
    [('a cat', 0.99)]
    """

    def __init__(self, loaded: LoadedModel, options: ScorerOptions | None = None) -> None:
        """Prefer `Scorer.load`.

        Args:
            options: what they say of loading has been done with already.

        Raises:
            UsageError: labels or a prompt for another task than zero-shot classification.
        """
        options = options or ScorerOptions()
        self.task = loaded.task
        self.classes = loaded.classes
        self.card = loaded.card
        self.temperature = temperature_of(loaded.card)
        """What the logits are divided by already, in the head's weights; 1 where they are not."""
        self.thresholds = (
            thresholds_of(loaded.card, loaded.classes) if self.task == MULTILABEL else None
        )
        """Multi-label: float64 (classes,), from which probability on each label is predicted; None:
        0.5 for all. Probabilities themselves do not depend on it."""
        self.checkpoint = loaded.checkpoint
        """What was loaded; None where the weights were never on disk."""
        self.output = loaded.output
        """What `run` gives: "logits", or features of a pooling."""
        self.preprocessor = loaded.preprocessor
        self.choice = loaded.choice
        """Runtime, precision and device, and why these."""
        self.agreement = loaded.agreement
        """With torch in fp32, over a few images; None where that is what runs."""
        self.exact = loaded.choice.precision == "fp32" if options.exact is None else options.exact
        """Whether images are decoded and resized bit for bit as transformers does."""
        self.batch_size = options.batch_size
        self.normalize = options.normalize
        self.tta = options.tta
        self._runtime = loaded.runtime
        self._logit_scale = loaded.logit_scale
        self._logit_bias = loaded.logit_bias
        self._labels: LabelSet | None = None
        if self.task == ZERO_SHOT:
            self._label_sets = LabelSets(
                lambda texts: self.text_encoder.encode(texts), options.prompt or loaded.prompt
            )
            if options.labels is not None:
                self._labels = self._label_sets.get(options.labels)
        elif options.labels is not None or options.prompt is not None:
            raise UsageError(f"labels and a prompt are for {ZERO_SHOT}, not for {self.task}")

    @classmethod
    def load(cls, source: str | Path, options: ScorerOptions | None = None, **given: Any) -> Self:
        """Load a model folder, a Hub-format checkpoint folder, or a Hub id.

        >>> Scorer.load("model", ScorerOptions(precision="int8"))           # doctest: +SKIP
        >>> Scorer.load("model", precision="int8")                          # doctest: +SKIP

        Args:
            options: how it scores; see `ScorerOptions`.
            given: the same by name, in place of `options`.

        Raises:
            CheckpointError: missing, damaged, unsafe, or without what the task needs.
            UsageError: an option that is unknown, cannot be used, or cannot be had on this machine.
            AgreementError: int8 strays too far from fp32.
        """
        if options is not None and given:
            raise UsageError(f"both options and {', '.join(given)} given; put all into the options")
        options = options or ScorerOptions.of(**given)
        return cls(load_model(source, options), options)

    def predict(
        self,
        images: Iterable[ImageSource],
        *,
        labels: Sequence[str] | None = None,
        errors: Literal["raise", "return"] = "raise",
    ) -> list[Any]:
        """Predictions (or embeddings) for `images`, in order.

        Args:
            images: paths, URLs, encoded bytes, uint8 (h, w, 3) arrays or Pillow images.
            labels: zero-shot labels; None takes those given to `load`.
            errors: "return" puts the error of an image that cannot be read in its place.

        Raises:
            ImageError, FetchError: an image cannot be read, unless errors is "return".
            UsageError: zero-shot without labels.
        """
        results = []
        for result in self.stream(images, labels=labels):
            if not isinstance(result, Prediction | Embedding) and errors == "raise":
                raise result
            results.append(result)
        return results

    def stream(
        self, images: Iterable[ImageSource], *, labels: Sequence[str] | None = None
    ) -> Iterator[Result | Failure]:
        """One result per image, in order, in bounded memory; decoding overlaps the model.

        An image that cannot be read yields its error in its place and disturbs no other.
        """
        label_set = self.label_set(labels)
        for batch in iterate_pixels(
            images,
            self.preprocessor,
            batch_size=self.batch_size,
            threads=self.choice.threads,
            exact=self.exact,
        ):
            by_row: dict[int, Result | Failure] = dict(batch.failures)
            if len(batch.rows):
                results = self.results(self.run(batch.pixels), label_set)
                by_row.update(zip(batch.rows.tolist(), results, strict=True))
            yield from (by_row[row] for row in sorted(by_row))

    def score_table(self, table: ImageTable, *, labels: Sequence[str] | None = None) -> TableScores:
        """Probabilities of every row of `table` whose image can be read.

        Args:
            labels: as for `predict`.
        """
        rows: list[int] = []
        probabilities: list[np.ndarray] = []
        failures: list[tuple[int, str]] = []
        results = track(self.stream(table.locations(), labels=labels), "scoring", len(table))
        for row, result in enumerate(results):
            if isinstance(result, Prediction):
                rows.append(row)
                probabilities.append(result.probs)
            else:
                failures.append((row, str(result)))
        width = len(labels or self.classes)
        stacked = np.stack(probabilities) if rows else np.zeros((0, width), np.float32)
        return TableScores(np.array(rows, np.int64), stacked, failures)

    def run(self, pixels: np.ndarray) -> np.ndarray:
        """One pass of the model over preprocessed pixels; with `tta: flip` two.

        Args:
            pixels: uint8 (n, height, width, 3) with n at least 1, as `Preprocessor.resize` gives them.

        Returns:
            float32 (n, D): logits of a classifier, else image features.

        Raises:
            ModelError: the model gave NaN or infinity.
        """
        outputs = self._runtime.run(pixels)
        if self.tta == "flip":
            mirrored = self._runtime.run(as_seen(pixels, "mirrored"))
            outputs = mean_of_views(outputs, mirrored, self.task)
        if not np.isfinite(outputs).all():
            raise ModelError(f"the model gave NaN or infinity in {self.choice.precision}")
        return outputs

    def set_threads(self, count: int) -> None:
        """Use so many CPU threads from the next pass on.

        Called by the thread that runs the passes, between two of them.
        """
        if count != self.choice.threads:
            self._runtime.set_threads(count)
            if "text_encoder" in self.__dict__:
                self.text_encoder.set_threads(count)
            self.choice = replace(self.choice, threads=count)

    def results(self, outputs: np.ndarray, label_set: LabelSet | None = None) -> Sequence[Result]:
        """What the task makes of `outputs`, float32 (n, D) as `run` gives them."""
        if self.task == EMBEDDINGS:
            return self.embeddings(outputs)
        return self.predictions(outputs, label_set)

    def embeddings(self, outputs: np.ndarray) -> list[Embedding]:
        """`outputs` as features, of length 1 where `normalize` is set."""
        return [Embedding(row) for row in (_unit(outputs) if self.normalize else outputs)]

    def predictions(
        self, outputs: np.ndarray, label_set: LabelSet | None = None
    ) -> list[Prediction]:
        """`outputs` as probabilities; zero-shot, of `label_set` or of the labels given to `load`."""
        chosen = label_set or self.label_set()
        if chosen is not None:
            logits = (self._logit_scale or 1.0) * _unit(outputs) @ chosen.embeddings.T
            # SigLIP judges each label by itself: none may fit, or several.
            rows = (
                _softmax(logits)
                if self._logit_bias is None
                else _sigmoid(logits + np.float32(self._logit_bias))
            )
            return [Prediction(row, chosen.labels) for row in rows]
        probabilities = _sigmoid(outputs) if self.task == MULTILABEL else _softmax(outputs)
        return [Prediction(row, self.classes) for row in probabilities]

    def label_set(self, labels: Sequence[str] | None = None) -> LabelSet | None:
        """Embedded `labels`, or those given to `load`; None where the task has none.

        Raises:
            UsageError: labels for another task, or none for zero-shot classification.
        """
        if self.task != ZERO_SHOT:
            if labels is not None:
                raise UsageError(f"labels are for {ZERO_SHOT}; this model's task is {self.task}")
            return None
        if labels is not None:
            return self._label_sets.get(labels)
        if self._labels is None:
            raise UsageError("zero-shot classification needs labels: predict(images, labels=[...])")
        return self._labels

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Embeddings of `texts` in the space of the images': float32 (n, D), of length 1 where `normalize` is set.

        >>> clip.embed_texts(["a photo of a cat", "a photo of a dog"]).shape    # doctest: +SKIP
        (2, 512)

        A text of more tokens than the model reads (CLIP 77, SigLIP 64) is cut, as transformers'
        processors do with truncation.

        Raises:
            CheckpointError: the model has no text tower.
            UsageError: there are none, or one is no text or has more than 20,000 characters.
        """
        refusal = check_texts(texts)
        if refusal is not None:
            raise UsageError(f"text {refusal.row}: {refusal.reason}")
        if isinstance(texts, str) or not len(texts):
            raise UsageError("expected a list of texts, with one at least")
        features = self.text_encoder.encode(texts, truncate=True)
        return _unit(features) if self.normalize else features

    @property
    def reads_text(self) -> bool:
        """Whether the model has a text tower."""
        return self.checkpoint is not None and self.checkpoint.family in TEXT_AND_IMAGE

    @cached_property
    def text_encoder(self) -> TextEncoder:
        """The text tower, opened when it is first needed."""
        if self.checkpoint is None:
            raise UsageError("this model has no text tower")
        return open_text_encoder(self.checkpoint, self.choice)

    def describe(self) -> dict[str, Any]:
        """Task, classes, runtime and agreement, as commands and servers report them."""
        return {
            "task": self.task,
            "classes": len(self.classes),
            **self.choice.shown(),
            "agreement": self.agreement.shown() if self.agreement else None,
            "exact_images": self.exact,
            **({} if self.tta == "none" else {"tta": self.tta}),
        }


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    # exp of a positive number only would overflow; this form never sees one.
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1 / (1 + small), small / (1 + small))


def _unit(features: np.ndarray) -> np.ndarray:
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
