"""Every hyperparameter that AutoML jobs know has its effect on training."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoints import write_checkpoint
from pictures import noise, write_class_folders
from PIL import Image
from torch import nn

from tintype.data import ImageTable, read_image_table
from tintype.errors import UsageError
from tintype.images.preprocess import Preprocessor
from tintype.models.checkpoint import resolve_checkpoint
from tintype.models.classifier import load_classifier
from tintype.schemas.finetuning import FinetuningParameters
from tintype.training import finetune
from tintype.training.adaptation import freeze_layers
from tintype.training.optimizers import make_optimizer, make_schedule
from tintype.training.plan import TrainingPlan, make_plan


def plan(rows: int = 100, **parameters: object) -> TrainingPlan:
    """Ten steps an epoch."""
    return make_plan(
        FinetuningParameters.model_validate({"training_batch_size": 10, **parameters}),
        task="image_classification",
        rows=rows,
        from_scratch=False,
        model_parameters=1_000,
        device=torch.device("cpu"),
    )


def rates(chosen: TrainingPlan) -> list[float]:
    """The learning rate of each step."""
    model = nn.Linear(2, 2)
    optimizer = make_optimizer(model, chosen)
    schedule = make_schedule(optimizer, chosen)
    found = []
    for _ in range(chosen.total_steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def test_step_schedule() -> None:
    found = rates(
        plan(
            learning_rate=0.8,
            learning_rate_scheduler="step",
            number_of_epochs=6,
            step_lr_gamma=0.5,
            step_lr_step_size=2,
        )
    )
    assert found[::10] == pytest.approx([0.8, 0.8, 0.4, 0.4, 0.2, 0.2])


def test_warmup_cosine_in_epochs_and_turns() -> None:
    found = rates(
        plan(
            learning_rate=1.0,
            learning_rate_scheduler="warmup_cosine",
            number_of_epochs=12,
            warmup_cosine_lr_warmup_epochs=2,
            warmup_cosine_lr_cycles=0.45,
            optimizer="sgd",
        )
    )
    assert found[10] == pytest.approx(0.5), "half way through the warmup"
    assert found[20] == pytest.approx(1.0)
    progress = 99 / 100
    assert found[119] == pytest.approx(0.5 * (1 + math.cos(math.pi * 0.9 * progress)))


def test_warmup_never_takes_more_than_half() -> None:
    assert plan(number_of_epochs=2, warmup_cosine_lr_warmup_epochs=5).warmup_steps == 10


def test_optimizers_get_their_settings() -> None:
    model = nn.Linear(2, 2)
    sgd = make_optimizer(
        model, plan(optimizer="sgd", momentum=0.7, nesterov=True, weight_decay=0.1)
    )
    assert (sgd.defaults["momentum"], sgd.defaults["nesterov"]) == (0.7, True)
    assert [group["weight_decay"] for group in sgd.param_groups] == [0.1, 0.0]
    plain = make_optimizer(model, plan(optimizer="sgd", nesterov=True))
    assert (plain.defaults["momentum"], plain.defaults["nesterov"]) == (0.0, False)
    for name, kind in (("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)):
        made = make_optimizer(model, plan(optimizer=name, beta1=0.8, beta2=0.9, ams_gradient=True))
        assert type(made) is kind
        assert made.defaults["betas"] == (0.8, 0.9)
        assert made.defaults["amsgrad"] is True


@pytest.fixture
def table(tmp_path: Path) -> ImageTable:
    return read_image_table(write_class_folders(tmp_path / "stripes", per_class=16))


def train(table: ImageTable, folder: Path, checkpoint: Path, **parameters: Any) -> Any:
    given = {
        "number_of_epochs": 6,
        "learning_rate": 3e-3,
        "training_batch_size": 8,
        "precision": "32",
        "apply_augmentations": False,
        **parameters,
    }
    return finetune(
        checkpoint=str(checkpoint),
        train=table,
        task="image_classification",
        parameters=FinetuningParameters.model_validate(given),
        output_folder=folder,
    )


def test_evaluation_and_checkpoint_frequency(tmp_path: Path, table: ImageTable) -> None:
    checkpoint = write_checkpoint(tmp_path / "vit")
    result = train(
        table,
        tmp_path / "out",
        checkpoint,
        evaluation_frequency=2,
        checkpoint_frequency=2,
        save_total_limit=1,
        number_of_epochs=7,
    )
    assert [event["epoch"] for event in result.history] == [2, 4, 6, 7]
    steps = [int(path.name[5:]) for path in sorted((tmp_path / "out/checkpoints").glob("step-*"))]
    per_epoch = result.plan["steps_per_epoch"]
    assert [step / per_epoch for step in steps] == [2, 4, 6, 7]


def test_early_stopping_delay(tmp_path: Path, table: ImageTable) -> None:
    checkpoint = write_checkpoint(tmp_path / "vit")
    # Nothing is learnt at this rate, so nothing improves after the first evaluation.
    stopping = {"learning_rate": 1e-9, "early_stopping": True, "early_stopping_patience": 2}
    early = train(table, tmp_path / "a", checkpoint, number_of_epochs=9, **stopping)
    late = train(
        table, tmp_path / "b", checkpoint, number_of_epochs=9, early_stopping_delay=4, **stopping
    )
    assert len(early.history) == 3
    assert len(late.history) == 6


def test_crop_sizes_reach_training_and_the_finished_model(
    tmp_path: Path, table: ImageTable
) -> None:
    resnet = write_checkpoint(tmp_path / "resnet", "resnet")
    result = train(
        table,
        tmp_path / "out",
        resnet,
        validation_resize_size=44,
        validation_crop_size=40,
        training_crop_size=48,
        number_of_epochs=2,
    )
    finished = Preprocessor.from_folder(result.model_folder / "data" / "model")
    assert finished.input_size == (40, 40)
    assert finished.config["size"] == {"shortest_edge": 44}
    vit = write_checkpoint(tmp_path / "vit")
    with pytest.raises(UsageError, match="must be equal for 'vit'"):
        train(table, tmp_path / "vit-out", vit, validation_crop_size=40, training_crop_size=48)


@pytest.mark.parametrize("family", ["vit", "resnet", "dinov2", "beit"])
def test_cropped_preprocessing_is_what_transformers_does(tmp_path: Path, family: str) -> None:
    import json

    import transformers

    folder = write_checkpoint(tmp_path / family, family)
    cropped = Preprocessor.from_folder(folder).with_crop(50, 40)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "preprocessor_config.json").write_text(json.dumps(cropped.to_config()))
    processor = transformers.AutoImageProcessor.from_pretrained(tmp_path / "new")
    image = noise(90, 131, seed=4)
    expected = processor(Image.fromarray(image), return_tensors="np")["pixel_values"][0]
    found = cropped.normalize(torch.from_numpy(cropped.resize(image).copy())[None])[0].numpy()
    assert found.shape == (3, 40, 40)
    assert np.abs(found - expected).max() < 1e-5


@pytest.mark.parametrize(
    ("family", "layers"), [("vit", 3), ("resnet", 3), ("mobilenet_v2", 19), ("swin", 3)]
)
def test_layers_are_counted_as_azure_counts_them(tmp_path: Path, family: str, layers: int) -> None:
    checkpoint = resolve_checkpoint(str(write_checkpoint(tmp_path / family, family)))
    model = load_classifier(checkpoint)
    freeze_layers(model, layers)
    assert any(parameter.requires_grad for parameter in model.parameters())
    with pytest.raises(UsageError, match=f"has {layers} layers"):
        freeze_layers(model, layers + 1)
