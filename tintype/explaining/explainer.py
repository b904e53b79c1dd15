"""Explainer: from a loaded model and images to attributions."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch

from tintype.errors import ModelError
from tintype.explaining.attention import attention, attention_rollout
from tintype.explaining.giving_up import check_wanted
from tintype.explaining.gradient_network import GradientNetwork
from tintype.explaining.guided import guided_backprop, guided_gradcam
from tintype.explaining.integrated_gradients import integrated_gradients
from tintype.explaining.methods import Method, check_method, require_explain_extra
from tintype.explaining.occlusion import occlusion
from tintype.explaining.question import Question, mean_colour
from tintype.explaining.regions import xrai
from tintype.explaining.results import Attribution, Explanation
from tintype.explaining.rise import rise
from tintype.explaining.targets import Target, Targets
from tintype.images.loading import Failure, ImageSource, iterate_pixels, pixels_of
from tintype.schemas.explanation import ExplanationOptions, MethodName
from tintype.scoring.scorer import Scorer

__all__ = ["Explainer"]

_RUN: Mapping[MethodName, Any] = {
    "xrai": xrai,
    "integrated_gradients": integrated_gradients,
    "guided_gradcam": guided_gradcam,
    "guided_backprop": guided_backprop,
    "attention": attention,
    "attention_rollout": attention_rollout,
    "occlusion": occlusion,
    "rise": rise,
}


class Explainer:
    """Explains the answers of one Scorer; may be called from several threads, which take turns.

    The network in torch is loaded when a method first needs gradients, beside whatever the Scorer runs: scoring
    waits for nothing here.

    >>> explainer, targets = Explainer(scorer), Targets(scorer)             # doctest: +SKIP
    >>> found = explainer.explain(["cat.jpg"], "xrai", targets)[0]          # doctest: +SKIP
    >>> found.attributions[0].values.shape                                  # doctest: +SKIP
    (3, 224, 224)
    >>> grid_png(found.pixels, found.attributions[0].map)[1:4]              # doctest: +SKIP
    b'PNG'
    """

    def __init__(self, scorer: Scorer) -> None:
        """
        Raises:
            MissingExtraError: captum or saliency is not installed.
        """
        require_explain_extra()
        self.scorer = scorer
        self._turn = threading.Lock()

    def explain(
        self,
        images: Iterable[ImageSource],
        method: str,
        targets: Targets,
        names: Sequence[str] = (),
        options: ExplanationOptions | None = None,
    ) -> list[Explanation]:
        """One explanation for each image, in order; as `stream`, but an image that cannot be read ends it.

        Args:
            images: paths, URLs, encoded bytes, uint8 (h, w, 3) arrays or Pillow images.
            method: a name of `METHODS`; `automatic.choose_method` finds the best for a model.
            names: labels to explain; see `Targets.choose`.

        Raises:
            UsageError: an unknown method or label, or a method that is not valid for the model.
            ImageError, FetchError: an image cannot be read.
        """
        checked = check_method(method, self.scorer.checkpoint)
        found = []
        for result in self.stream(images, checked, targets, names, options):
            if not isinstance(result, Explanation):
                raise result
            found.append(result)
        return found

    def stream(
        self,
        images: Iterable[ImageSource],
        method: Method,
        targets: Targets,
        names: Sequence[str] = (),
        options: ExplanationOptions | None = None,
    ) -> Iterator[Explanation | Failure]:
        """One explanation for each image, in order, in bounded memory; an image that cannot be read yields its
        error in its place.

        Args:
            method: as `check_method` gives it.
            names: labels to explain; see `Targets.choose`.

        Raises:
            UsageError: a label that no target has.
        """
        targets.check(names)
        chosen = options or ExplanationOptions()
        for batch in iterate_pixels(
            images,
            self.scorer.preprocessor,
            batch_size=1,
            threads=self.scorer.choice.threads,
            exact=self.scorer.exact,
        ):
            yield from (failure for _, failure in batch.failures)
            for pixels in batch.pixels:
                yield self.explain_pixels(pixels.copy(), method, targets, names, chosen)

    def explain_pixels(
        self,
        pixels: np.ndarray,
        method: Method,
        targets: Targets,
        names: Sequence[str] = (),
        options: ExplanationOptions | None = None,
        *,
        outputs: np.ndarray | None = None,
    ) -> Explanation:
        """The explanation of one image that is resized already: uint8 (h, w, 3), as the preprocessor gives it.

        Args:
            outputs: float32 (D,), what the Scorer's `run` gave for it, where that is at hand.

        Raises:
            ModelError: the attributions have NaN or infinity.
        """
        chosen = options or ExplanationOptions()
        if outputs is None:
            outputs = self.scorer.run(pixels[None])[0]
        threshold = chosen.confidence_score_threshold_multilabel
        attributions = [
            Attribution(
                target,
                confidence,
                self._attribute(pixels, method, target, targets, chosen),
                method.signed,
            )
            for target, confidence in targets.choose(outputs, names, threshold)
        ]
        return Explanation(method.name, method.detail, pixels, attributions)

    def pixels_of(self, image: ImageSource) -> np.ndarray:
        """`image` as the model gets it: uint8 (h, w, 3).

        Raises:
            ImageError, FetchError: it cannot be read.
        """
        return pixels_of(image, self.scorer.preprocessor, exact=self.scorer.exact)

    def confidences(self, pixels: np.ndarray, targets: Targets, target: Target) -> np.ndarray:
        """How sure the model is of `target`: uint8 (n, h, w, 3) -> float32 (n,).

        Raises:
            TimeoutError: nobody waits for it any more.
        """
        check_wanted()
        return targets.confidences(self.scorer.run(pixels), target)

    def go_back(self, pixels: np.ndarray) -> None:
        """One pass of the network in torch and its way back to uint8 (h, w, 3), for whoever measures them.

        Raises:
            UsageError: the model's weights are not on disk.
        """
        with self._turn:
            values = self._network.values_of(pixels).requires_grad_()
            torch.autograd.grad(self._network.outputs_of(values).sum(), values)

    def _attribute(
        self,
        pixels: np.ndarray,
        method: Method,
        target: Target,
        targets: Targets,
        options: ExplanationOptions,
    ) -> np.ndarray:
        """Float32 (3, h, w)."""
        # The network is loaded in the first turn that needs it.
        with self._turn:
            question = Question(
                pixels,
                target,
                options,
                confidences=lambda changed: self.confidences(changed, targets, target),
                mean_colour=self.mean_colour,
                network=self._network if method.needs == "gradients" else None,
            )
            found = _RUN[method.name](question)
        if not np.isfinite(found).all():
            raise ModelError(f"{method.name} gave NaN or infinity for {target.label!r}")
        return found if method.per_channel else _spread(found, pixels.shape[:2])

    @cached_property
    def _network(self) -> GradientNetwork:
        return GradientNetwork(self.scorer)

    @cached_property
    def mean_colour(self) -> np.ndarray:
        """uint8 (3,): what stands for nothing in an image."""
        return mean_colour(self.scorer)


def _spread(found: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """A map (rows, columns) enlarged (bilinear) to `size` and shared out to three channels: float32 (3, h, w)."""
    enlarged = found
    if found.shape != size:
        tensor = torch.from_numpy(found)[None, None]
        enlarged = torch.nn.functional.interpolate(tensor, size, mode="bilinear")[0, 0].numpy()
    return np.repeat(enlarged[None] / 3, 3, axis=0).astype(np.float32)
