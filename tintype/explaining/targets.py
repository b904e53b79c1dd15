"""What is explained: a class, a text, or the likeness to another picture, as one number of the outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tintype.errors import UsageError, nearest
from tintype.images.loading import ImageSource, pixels_of
from tintype.schemas.task import CLASSIFICATION_TASKS, EMBEDDINGS, MULTILABEL, ZERO_SHOT
from tintype.scoring.label_sets import LabelSet
from tintype.scoring.results import Prediction
from tintype.scoring.scorer import Scorer

if TYPE_CHECKING:
    import torch

__all__ = ["Target", "Targets"]


@dataclass(frozen=True)
class Target:
    """One number of a model's outputs."""

    label: str
    column: int | None = None
    """Of the logits, or of the zero-shot labels; None: a likeness that no list of labels has."""

    direction: np.ndarray | None = None
    """float32 (D,) of length 1: an embedding whose cosine with the outputs counts; None: a logit."""

    def score(self, outputs: torch.Tensor) -> torch.Tensor:
        """What is differentiated, (n,): a logit of `outputs` (n, D), or their cosine with `direction`.

        Logits, not probabilities, as in Grad-CAM (Selvaraju et al. 2017, §3): a probability near 1 has no
        gradient left. Of zero-shot labels the logit is the cosine times a constant.
        """
        import torch

        if self.direction is None:
            return outputs[:, self.column]
        direction = torch.from_numpy(self.direction).to(outputs.device)
        return torch.nn.functional.normalize(outputs, dim=1) @ direction


class Targets:
    """The targets that a Scorer has, and how sure it is of each."""

    def __init__(
        self,
        scorer: Scorer,
        *,
        labels: Sequence[str] | None = None,
        texts: Sequence[str] = (),
        like: ImageSource | None = None,
    ) -> None:
        """
        Args:
            labels: zero-shot labels; None takes those given to `Scorer.load`.
            texts: explain the likeness to each of these, for models with a text tower.
            like: explain the likeness to this picture, for embeddings.

        Raises:
            UsageError: what was given is for another task, or nothing was given for embeddings.
            ImageError, FetchError: `like` cannot be read.
        """
        self._scorer = scorer
        self._label_set: LabelSet | None = None
        self._likenesses = self._of_texts(texts) if texts else []
        if like is not None:
            self._likenesses.append(self._of_picture(like))
        if self._likenesses:
            return
        if scorer.task == EMBEDDINGS:
            raise UsageError(
                "embeddings have no class to explain: say which picture (--with OTHER.jpg) or, for CLIP and "
                "SigLIP, which text (--text 'a cat') the likeness is asked of"
            )
        self._label_set = scorer.label_set(labels)

    @property
    def labels(self) -> tuple[str, ...]:
        """Every target's label."""
        if self._likenesses:
            return tuple(target.label for target in self._likenesses)
        return self._label_set.labels if self._label_set is not None else self._scorer.classes

    def check(self, names: Sequence[str]) -> None:
        """Refuse names that no target has.

        Raises:
            UsageError: it names the nearest label.
        """
        for name in names:
            if name not in self.labels:
                shown = ", ".join(self.labels[:10]) + (", ..." if len(self.labels) > 10 else "")
                raise UsageError(
                    f"label {name!r} is not one of the model's ({shown}).{nearest(name, self.labels)}"
                )

    def choose(
        self, outputs: np.ndarray, names: Sequence[str], threshold: float
    ) -> list[tuple[Target, float]]:
        """The targets of one image with the confidence in each.

        Args:
            outputs: float32 (D,).
            names: labels; none takes every text and picture that was given, else the likeliest class or,
                multi-label, every class at or above `threshold`.
        """
        if self._likenesses:
            wanted = [each for each in self._likenesses if not names or each.label in names]
            return [(each, float(self.confidences(outputs[None], each)[0])) for each in wanted]
        probabilities = self._predictions(outputs[None])[0].probs
        if names:
            columns = [self.labels.index(name) for name in dict.fromkeys(names)]
        elif self._scorer.task == MULTILABEL:
            columns = np.flatnonzero(probabilities >= threshold).tolist()
        else:
            columns = [int(probabilities.argmax())]
        return [(self._of_column(column), float(probabilities[column])) for column in columns]

    def confidences(self, outputs: np.ndarray, target: Target) -> np.ndarray:
        """Float32 (n,) of `outputs` (n, D): probabilities, or cosines of a likeness."""
        if target.column is not None:
            predictions = self._predictions(outputs)
            return np.array([each.probs[target.column] for each in predictions], np.float32)
        assert target.direction is not None
        lengths = np.maximum(np.linalg.norm(outputs, axis=1), 1e-12)
        return (outputs @ target.direction / lengths).astype(np.float32)

    def _predictions(self, outputs: np.ndarray) -> list[Prediction]:
        return self._scorer.predictions(outputs, self._label_set)

    def _of_column(self, column: int) -> Target:
        direction = None if self._label_set is None else self._label_set.embeddings[column]
        return Target(self.labels[column], column, direction)

    def _of_texts(self, texts: Sequence[str]) -> list[Target]:
        scorer = self._scorer
        if scorer.task == ZERO_SHOT:
            # In the prompt that labels have.
            label_set = scorer.label_set(texts)
            assert label_set is not None
            return [
                Target(label, None, direction)
                for label, direction in zip(label_set.labels, label_set.embeddings, strict=True)
            ]
        if scorer.task in CLASSIFICATION_TASKS or not scorer.reads_text:
            raise UsageError(
                f"texts are explained by models with a text tower (CLIP, SigLIP); this model's task is "
                f"{scorer.task}"
            )
        if scorer.output != "projection":
            raise UsageError(
                f"texts lie in the space of --pooling projection, not in that of {scorer.output!r}"
            )
        features = scorer.embed_texts(texts)
        return [
            Target(text, None, self._unit(row)) for text, row in zip(texts, features, strict=True)
        ]

    def _of_picture(self, like: ImageSource) -> Target:
        scorer = self._scorer
        if scorer.task != EMBEDDINGS:
            raise UsageError(
                f"the likeness to a picture is asked of embeddings; this model's task is {scorer.task}: "
                f"give --task {EMBEDDINGS}"
            )
        pixels = pixels_of(like, scorer.preprocessor, exact=scorer.exact)
        label = str(like) if isinstance(like, str) or hasattr(like, "__fspath__") else "picture"
        return Target(label, None, self._unit(scorer.run(pixels[None])[0]))

    def _unit(self, features: np.ndarray) -> np.ndarray:
        return (features / max(float(np.linalg.norm(features)), 1e-12)).astype(np.float32)
