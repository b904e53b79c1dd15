"""Fine-tuning parameters, by the names of Azure's `transformers_image_classification_pipeline`.

None means "auto": `training/plan.py` chooses a value, and the run's log and the model's card
record it. Source of names, defaults and ranges: docs/contracts.md §4.1.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from tintype.errors import nearest
from tintype.schemas.augmentations import Augmentations
from tintype.schemas.optimizer_arguments import parse_extra_arguments
from tintype.schemas.task import MULTICLASS, ClassificationTask
from tintype.schemas.training_recipes import Auto, Number, TrainingRecipes

__all__ = ["BEST_MODEL_METRICS", "FinetuningParameters", "Number"]

BEST_MODEL_METRICS = (
    "loss",
    "f1_score_macro",
    "accuracy",
    "precision_score_macro",
    "recall_score_macro",
    "iou",
    "iou_macro",
    "iou_micro",
    "iou_weighted",
    # Beyond the component: the primary metrics of AutoML jobs (§2.2).
    "AUC_weighted",
    "norm_macro_recall",
    "average_precision_score_weighted",
    "precision_score_weighted",
)


def _empty_as_no_limit(value: Any) -> Any:
    return -1 if value in ("", "auto", None) else value


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class FinetuningParameters(TrainingRecipes):
    """Every hyperparameter of a fine-tuning job."""

    # How the model learns
    method: Literal["full", "lora", "head"] = "full"
    """full: all weights. lora: low-rank adapters on attention, merged at the end. head: only the
    last linear layer, on features computed once and cached."""

    pooling: Literal["auto", "cls", "mean", "projection"] = "auto"
    """Features that method: head learns on. auto: those that the architecture gives its own head.
    cls, mean: the [CLS] state, or the mean over patches. projection: the image
    embedding of CLIP or SigLIP."""

    number_of_epochs: Annotated[int | None, Auto] = Field(None, ge=1)
    """Passes over the training images. Auto: 15 (full, lora), 40 (from random weights), 100 (head)."""

    max_steps: Annotated[int, BeforeValidator(_empty_as_no_limit)] = Field(-1, ge=-1)
    """Optimizer steps; where positive, wins over number_of_epochs."""

    learning_rate: Annotated[Number | None, Auto] = Field(None, gt=0, le=1)
    """Auto: 5e-5 (full), 5e-4 (lora), 5e-3 (head), 2e-3 (from random weights)."""

    learning_rate_scheduler: Annotated[
        Literal[
            "warmup_linear",
            "warmup_cosine",
            "warmup_cosine_with_restarts",
            "warmup_polynomial",
            "constant",
            "warmup_constant",
            "step",
        ]
        | None,
        Auto,
    ] = None
    """Auto: warmup_linear (full, lora), warmup_cosine (head, from random weights)."""

    warmup_steps: Annotated[int | None, Auto] = Field(None, ge=0)
    """Steps over which the rate rises from 0. Auto: a tenth of all steps; 0 for a head."""

    warmup_cosine_lr_warmup_epochs: int | None = Field(None, ge=0)
    """The same in epochs; warmup_steps wins."""

    warmup_cosine_lr_cycles: Number = Field(0.5, ge=0, le=1)
    """warmup_cosine: turns of the cosine after the warmup; 0.5 ends at zero."""

    step_lr_gamma: Number = Field(0.5, ge=0, le=1)
    """step: the rate is multiplied by this ..."""

    step_lr_step_size: int = Field(5, ge=1)
    """... every so many epochs."""

    optimizer: Annotated[
        Literal["adamw_hf", "adamw", "adam", "sgd", "adafactor", "adagrad", "adamw_ort_fused"]
        | None,
        Auto,
    ] = None
    """Auto: adamw. adamw_hf is the same rule; adamw_ort_fused needs apply_ort."""

    momentum: Number | None = Field(None, ge=0, le=1)
    """sgd only; extra_optim_args wins."""

    nesterov: bool = False
    """sgd only, with a momentum."""

    beta1: Number = Field(0.9, ge=0, lt=1)
    """adam and adamw: decay of the mean gradient."""

    beta2: Number = Field(0.999, ge=0, lt=1)
    """adam and adamw: decay of the mean squared gradient."""

    ams_gradient: bool = False
    """adam and adamw: the AMSGrad variant."""

    weight_decay: Annotated[Number | None, Auto] = Field(None, ge=0, le=1)
    """Auto: 0 (full, lora), 0.001 (head), 0.05 (from random weights)."""

    extra_optim_args: str = ""
    """For sgd only: "momentum=0.5; nesterov=True". Wins over weight_decay."""

    max_grad_norm: Annotated[Number | None, Auto] = Field(None, ge=0)
    """Gradients are scaled down to this norm; 0 turns that off. Auto: 1."""

    label_smoothing_factor: Annotated[Number | None, Auto] = Field(None, ge=0, lt=1)
    """Multi-class only; a multi-label job ignores it with a notice. Auto: 0."""

    weighted_loss: Literal[0, 1, 2] = 0
    """Weigh the loss by class: 0 no, 1 by the square roots of balanced weights, 2 by the weights."""

    layers_to_freeze: int = Field(0, ge=0)
    """Keep the first layers as they are: 1 the patch embedding or stem, 2 the first block too, ...

    With method full they run once for each of eight views of an image, and training is that much cheaper."""

    lora_rank: int = Field(8, ge=1, le=1024)
    """Rank of the adapters."""

    lora_alpha: int = Field(16, ge=1)
    """Adapters are scaled by lora_alpha / lora_rank."""

    lora_dropout: Number = Field(0.0, ge=0, lt=1)
    """Dropout before the adapters."""

    # Batches, precision, reproducibility
    training_batch_size: Annotated[int | None, Auto] = Field(None, ge=1)
    """Images in one pass. Auto: by device, model and data, and halved if memory runs out."""

    validation_batch_size: Annotated[int | None, Auto] = Field(None, ge=1)
    """Auto: at least 32."""

    auto_find_batch_size: bool = False
    """Halve training_batch_size when memory runs out, keeping the optimizer's batch the same."""

    gradient_accumulation_step: Annotated[int | None, Auto] = Field(None, ge=1)
    """Passes joined into one optimizer step. Auto: 1."""

    precision: Annotated[Literal["auto", "32", "16", "bf16"], BeforeValidator(_as_text)] = "auto"
    """auto: bf16 where the chip is fast at it, else 32. 16: fp16 on CUDA, bf16 on a CPU. (Azure's
    default is "32".)"""

    random_seed: int = Field(42, ge=0, lt=2**31)
    """Decides order, augmentation, new weights and the validation split."""

    number_of_workers: int = Field(8, ge=0)
    """Accepted as Azure's; threads are budgeted by the setting TINTYPE_THREADS."""

    # Images
    image_width: int = Field(-1, ge=-1)
    """Pixels; -1 in width or height: the checkpoint's own size for both."""

    image_height: int = Field(-1, ge=-1)
    """Pixels; -1 in width or height: the checkpoint's own size for both."""

    apply_augmentations: bool = True
    """Randomly change training images; `augmentations` says how."""

    augmentations: Augmentations = Field(default_factory=Augmentations)
    """Strengths of each change."""

    ignore_data_errors: bool = False
    """Skip and count images that cannot be read, instead of stopping before training."""

    training_crop_size: int | None = Field(None, ge=1)
    """Side of training images in pixels, where another than in validation."""

    validation_resize_size: int | None = Field(None, ge=1)
    """Resize the shorter side to this, then crop the centre. Left out: the checkpoint's own way."""

    validation_crop_size: int | None = Field(None, ge=1)
    """Side of that crop. Left out: the checkpoint's input size."""

    # Validation, saving, stopping
    validation_data_size: Number = Field(0.2, gt=0, lt=1)
    """Share of the training images split off when there is no validation_data."""

    stratified_split: bool = True
    """Keep each class's share on both sides of that split."""

    near_duplicates_together: bool = True
    """Keep images that are nearly the same (the same photo, saved again, smaller or cropped a little) on one
    side of that split. Looked for among up to 20,000 images."""

    metric_for_best_model: Annotated[str | None, Auto] = None
    """Chooses the best checkpoint. Auto: accuracy, or iou for multi-label."""

    multilabel_threshold: Annotated[Number | None, Auto] = Field(None, gt=0, lt=1)
    """A label counts as predicted at or above this probability. Auto: 0.5 in training; the finished
    model gets a threshold for each class, tuned on the validation images for F1 (which orders
    thresholds as IoU does), where that clearly raises the metric in cross-validation. Rare classes
    stay near the common threshold. They are in card.yaml; evaluation and pictures go by them."""

    evaluation_strategy: Literal["epoch", "steps"] = "epoch"
    """When to evaluate; must equal save_strategy."""

    evaluation_steps: int = Field(500, ge=1)
    """Steps between evaluations, with evaluation_strategy steps."""

    evaluation_frequency: int = Field(1, ge=1)
    """Epochs between evaluations, with evaluation_strategy epoch."""

    checkpoint_frequency: int | None = Field(None, ge=0)
    """Epochs between training checkpoints that are never removed. Left out: save_total_limit alone."""

    save_strategy: Literal["epoch", "steps"] = "epoch"
    """When to write a checkpoint; must equal evaluation_strategy."""

    save_steps: int = Field(500, ge=1)
    """Steps between checkpoints; a multiple of evaluation_steps."""

    save_total_limit: int = Field(5, ge=-1)
    """Checkpoints to keep beside the best; -1 keeps all."""

    logging_strategy: Literal["epoch", "steps"] = "epoch"
    """When to log the training loss."""

    logging_steps: int = Field(500, ge=1)
    """Steps between logs, with logging_strategy steps."""

    early_stopping: bool = False
    """Stop when the metric has stopped improving."""

    early_stopping_patience: int = Field(1, ge=1)
    """Evaluations without improvement before stopping."""

    early_stopping_delay: int = Field(0, ge=0)
    """Evaluations before improvement is watched."""

    resume_from_checkpoint: bool = False
    """Go on from the last checkpoint in the output folder, if there is one."""

    # Accepted as Azure's, without effect here: reported once by `notices`
    apply_deepspeed: Annotated[bool | None, Auto] = None
    """No effect here."""

    deepspeed_config: str | dict[str, Any] | None = None
    """No effect here."""

    apply_ort: Annotated[bool | None, Auto] = None
    """No effect here."""

    save_as_mlflow_model: bool = True
    """The model folder always is an MLflow model."""

    @model_validator(mode="after")
    def _check_together(self) -> FinetuningParameters:
        if self.evaluation_strategy != self.save_strategy:
            raise ValueError(
                f"evaluation_strategy {self.evaluation_strategy!r} and save_strategy "
                f"{self.save_strategy!r} must be equal"
            )
        if self.save_strategy == "steps" and self.save_steps % self.evaluation_steps:
            raise ValueError(
                f"save_steps {self.save_steps} must be a multiple of evaluation_steps "
                f"{self.evaluation_steps}"
            )
        if self.pooling != "auto" and self.method != "head":
            raise ValueError(f"pooling {self.pooling!r} applies to method: head only")
        for name in ("random_erasing", "randaugment"):
            if getattr(self, name) and not self.apply_augmentations:
                raise ValueError(f"{name} needs apply_augmentations: true")
        if self.max_steps == 0:
            raise ValueError("max_steps 0 trains nothing; use -1 for no limit")
        if 0 in (self.image_width, self.image_height):
            raise ValueError("image_width and image_height must be positive, or -1")
        if self.optimizer == "adamw_ort_fused" and not self.apply_ort:
            raise ValueError("optimizer 'adamw_ort_fused' needs apply_ort: true")
        if parse_extra_arguments(self.extra_optim_args) and self.optimizer != "sgd":
            raise ValueError(
                f"extra_optim_args {self.extra_optim_args!r} applies to optimizer 'sgd' only"
            )
        resize, crop = self.validation_resize_size, self.validation_crop_size
        if resize is not None and crop is not None and crop > resize:
            raise ValueError(
                f"validation_crop_size {crop} must not be above validation_resize_size {resize}"
            )
        metric = self.metric_for_best_model
        if metric is not None and metric not in BEST_MODEL_METRICS:
            hint = nearest(metric, BEST_MODEL_METRICS)
            raise ValueError(
                f"metric_for_best_model {metric!r}: expected one of "
                f"{', '.join(BEST_MODEL_METRICS)}.{hint}"
            )
        return self

    def check_task(self, task: ClassificationTask) -> None:
        """Check what only makes sense together with the task.

        Raises:
            ValueError: an iou metric with a multi-class task, or a recipe for another task.
        """
        self.check_recipes(task)
        metric = self.metric_for_best_model
        if task == MULTICLASS and metric is not None and metric.startswith("iou"):
            raise ValueError(
                f"metric_for_best_model {metric!r} is for image_classification_multilabel; "
                "use accuracy or f1_score_macro"
            )

    def notices(self, task: ClassificationTask) -> list[str]:
        """One sentence for each parameter that was given but has no effect here."""
        notices = []
        for name in ("apply_deepspeed", "deepspeed_config", "apply_ort"):
            if getattr(self, name):
                notices.append(f"{name} has no effect here: training runs on torch alone")
        if not self.save_as_mlflow_model:
            notices.append(
                "save_as_mlflow_model: false has no effect: the output is always MLflow's"
            )
        if task != MULTICLASS and self.label_smoothing_factor:
            notices.append("label_smoothing_factor is set to 0: it has no meaning for multi-label")
        if "number_of_workers" in self.model_fields_set:
            notices.append("number_of_workers has no effect: set TINTYPE_THREADS for this machine")
        return notices
