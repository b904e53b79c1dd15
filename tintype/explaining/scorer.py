"""`tintype.Scorer`: the Scorer of `scoring/`, which can say why, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tintype.scoring import scorer

if TYPE_CHECKING:
    from tintype.explaining.explainer import Explainer
    from tintype.explaining.results import Explanation
    from tintype.images.loading import ImageSource

__all__ = ["Scorer"]


class Scorer(scorer.Scorer):
    __doc__ = scorer.Scorer.__doc__

    def explain(
        self,
        images: Iterable[ImageSource],
        *,
        method: str = "auto",
        target: str | Sequence[str] | None = None,
        labels: Sequence[str] | None = None,
        texts: Sequence[str] = (),
        like: ImageSource | None = None,
        seconds: float = 30.0,
        **options: Any,
    ) -> list[Explanation]:
        """Why the model answers as it does: attributions of each of `images`, in order.

        >>> found = scorer.explain(["cat.jpg"], method="xrai")[0]            # doctest: +SKIP
        >>> found.attributions[0].label, found.attributions[0].values.shape  # doctest: +SKIP
        ('cat', (3, 224, 224))

        Args:
            images: as for `predict`.
            method: xrai, integrated_gradients, guided_gradcam, guided_backprop, attention,
                attention_rollout, occlusion, rise; auto: the most faithful of those that are valid, on the
                first of the images.
            target: label or labels to explain; None: the likeliest, or all at or above the threshold.
            labels: zero-shot labels; None takes those given to `load`.
            texts: explain the likeness to these texts (CLIP, SigLIP).
            like: explain the likeness to this picture (embeddings).
            seconds: how long auto may look.
            options: see `ExplanationOptions`: n_steps, xrai_fast, masks, ...

        Raises:
            UsageError: an unknown method, label or option, or a method that is not valid for the model.
            MissingExtraError: the extra `explain` is not installed.
            ImageError, FetchError: an image cannot be read.
        """
        from tintype.explaining.automatic import MOST_TRIED, choose_method
        from tintype.explaining.targets import Targets
        from tintype.schemas.explanation import ExplanationOptions

        sources, checked = list(images), ExplanationOptions.of(**options)
        targets = Targets(self, labels=labels, texts=texts, like=like)
        names = [target] if isinstance(target, str) else list(target or ())
        targets.check(names)
        if method == "auto":
            if not sources:
                return []
            first = [self.explainer.pixels_of(source) for source in sources[:MOST_TRIED]]
            method = choose_method(
                self.explainer, first, targets, names, checked, seconds=seconds
            ).method.name
        return self.explainer.explain(sources, method, targets, names, checked)

    @cached_property
    def explainer(self) -> Explainer:
        """What explains; its network in torch is loaded when it is first needed."""
        from tintype.explaining.explainer import Explainer

        return Explainer(self)
