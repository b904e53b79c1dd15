"""Ways to train better, by the same names in fine-tuning jobs, AutoML's parameters and searches.

Beyond Azure's parameters. Each names its source. All are off unless asked for, but for the temperature,
which is kept only where cross-validation on the validation images says so.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from tintype.schemas.document import StrictModel
from tintype.schemas.task import MULTICLASS, ClassificationTask

__all__ = ["Auto", "Number", "TrainingRecipes"]


def _number_from_text(value: Any) -> Any:
    # YAML 1.1 reads 5e-5 (no dot) as text.
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _empty_as_none(value: Any) -> Any:
    # Azure's samples pass "" and "auto" for inputs that are left to the component.
    return None if value in ("", "auto") else value


Number = Annotated[float, BeforeValidator(_number_from_text)]
"""A float that may be written 5e-5."""

Auto = BeforeValidator(_empty_as_none)
"""For fields whose None is written "auto" or "" as well."""


_OF_PIXELS = ("mixup_alpha", "cutmix_alpha", "random_erasing", "randaugment")


class TrainingRecipes(StrictModel):
    """What fine-tuning and AutoML's trials have in common beyond Azure's parameters."""

    # What learns first
    head_first: bool | Literal["auto"] = False
    """Before all weights learn, fit the head alone, on features computed once, so that the first steps do
    not spoil the features for the sake of a head that knows nothing yet (LP-FT, Kumar et al. 2022). auto:
    where the checkpoint has no head for these labels. Not for method: head, nor for networks that start
    from random weights."""

    # Rates
    layer_wise_lr_decay: Number = Field(1.0, gt=0, le=1)
    """Each block learns at this share of the rate of the block after it, the head at the whole rate
    (ELECTRA, Clark et al. 2020; BEiT, Bao et al. 2021): 0.65 to 0.9 for vision transformers; 1:
    all at one rate. Not for method: head."""

    # Classes that are rare
    class_balance: Literal["none", "sampling", "logit_adjustment"] = "none"
    """sampling: rows of rare classes are seen more often, others less, as many in all.
    logit_adjustment: the loss allows for how frequent classes are, so that the model judges as if all
    were equally so (multi-class; Menon et al. 2021). Both are for balanced accuracy, and may cost
    plain accuracy. Not together with weighted_loss, which is the third way to the same end."""

    # The loss
    loss: Annotated[Literal["bce", "asymmetric"] | None, Auto] = None
    """Multi-label: bce, or asymmetric, which plays down the many labels that an image does not have
    (Ridnik et al. 2021). Auto: bce."""

    asymmetric_gamma_neg: Number = Field(4.0, ge=0, le=20)
    """asymmetric: how fast absent labels lose weight as they are told apart."""

    asymmetric_gamma_pos: Number = Field(0.0, ge=0, le=20)
    """asymmetric: the same of present labels; at most asymmetric_gamma_neg."""

    asymmetric_clip: Number = Field(0.05, ge=0, lt=1)
    """asymmetric: an absent label below this probability costs nothing."""

    # Images, beyond `augmentations`; not for method: head, which sees features
    mixup_alpha: Number = Field(0.0, ge=0, le=10)
    """Blend each image of a batch, and its labels, with another one, by a share drawn from Beta(alpha,
    alpha) (Zhang et al. 2018); 0.2 is mild. 0: off."""

    cutmix_alpha: Number = Field(0.0, ge=0, le=10)
    """Put a box of another image, and its share of the labels, into each image (Yun et al. 2019); 1 in
    their paper. With mixup_alpha, each batch gets one of the two by a coin. 0: off."""

    random_erasing: Number = Field(0.0, ge=0, le=1)
    """Share of the training images that lose a box of 2 to 40 % of their area to noise (Zhong et al.
    2020); 0.25 is usual. 0: off."""

    randaugment: bool = False
    """Change each training image by a few random operations, as well (Cubuk et al. 2020)."""

    randaugment_ops: int = Field(2, ge=1, le=10)
    """randaugment: how many."""

    randaugment_magnitude: Number = Field(9.0, ge=0, le=10)
    """randaugment: how strong, 0 to 10."""

    # Averages of weights
    ema_decay: Annotated[Number | None, Auto] = Field(None, gt=0, lt=1)
    """Keep an exponential moving average of the weights with this decay, such as 0.99, which is
    smaller in the first steps (Polyak & Juditsky 1992; Tarvainen & Valpola 2017). It is evaluated
    beside the weights, which takes a second pass over the validation images, and is what is saved
    where it wins. Auto: none."""

    checkpoint_averaging: Literal["none", "uniform", "greedy"] = "none"
    """Average the weights of the best evaluations when training ends, and keep that where it is
    better on the validation images (Wortsman et al. 2022, "soup"): uniform takes all, greedy one
    after the other while it helps. Takes a few passes over the validation images at the end, and
    disk space for the weights of each."""

    checkpoint_averaging_count: int = Field(5, ge=2, le=50)
    """Weights of so many evaluations are kept for it."""

    # The finished model
    temperature_scaling: bool = True
    """Divide the finished model's logits by one number found on the validation images, where that
    lowers the log loss in cross-validation: probabilities then mean what they say, and no
    prediction changes (Guo et al. 2017). The number is in the head's weights and in card.yaml."""

    @model_validator(mode="after")
    def _check_combinations(self) -> TrainingRecipes:
        if self.class_balance != "none" and getattr(self, "weighted_loss", None):
            raise ValueError(
                f"class_balance {self.class_balance!r} and weighted_loss do the same thing; leave one "
                "out"
            )
        if getattr(self, "method", None) != "head":
            return self
        if self.head_first is True:
            raise ValueError(
                "head_first applies to method: full and method: lora; method: head trains nothing else"
            )
        if self.layer_wise_lr_decay != 1:
            raise ValueError(
                f"layer_wise_lr_decay {self.layer_wise_lr_decay:g} applies to method: full and "
                "method: lora; a head is one layer"
            )
        for name in _OF_PIXELS:
            if getattr(self, name):
                raise ValueError(
                    f"{name} {getattr(self, name)} changes images, and method: head learns on "
                    "features; use method: full or method: lora"
                )
        return self

    def check_recipes(self, task: ClassificationTask) -> None:
        """Check what only makes sense together with the task.

        Raises:
            ValueError: a loss or balance for another task, or gammas in the wrong order.
        """
        if self.class_balance == "logit_adjustment" and task != MULTICLASS:
            raise ValueError(
                f"class_balance 'logit_adjustment' is for {MULTICLASS}; use 'sampling'"
            )
        if self.loss is not None and task == MULTICLASS:
            raise ValueError(
                f"loss {self.loss!r} is for image_classification_multilabel; leave it out"
            )
        if self.asymmetric_gamma_pos > self.asymmetric_gamma_neg:
            raise ValueError(
                f"asymmetric_gamma_pos {self.asymmetric_gamma_pos:g} must not be above "
                f"asymmetric_gamma_neg {self.asymmetric_gamma_neg:g}"
            )
