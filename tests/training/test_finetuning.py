from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoints import write_checkpoint
from pictures import encoded, striped, write_class_folders, write_jsonl_rows
from safetensors.torch import load_file

from tintype.data import ImageTable, read_image_table
from tintype.errors import (
    DataError,
    OutputError,
    RunCancelled,
    RunFailed,
    TintypeError,
    UsageError,
)
from tintype.files import locked_folder
from tintype.schemas.finetuning import FinetuningParameters
from tintype.scoring import Scorer
from tintype.training import FinetuneResult, finetune

QUICK: dict[str, Any] = {
    "number_of_epochs": 6,
    "learning_rate": 3e-3,
    "training_batch_size": 8,
    "precision": "32",
    "apply_augmentations": False,
}


def train(
    checkpoint: Path | str, table: ImageTable, output: Path, **options: Any
) -> FinetuneResult:
    parameters = {**QUICK, **options.pop("parameters", {})}
    return finetune(
        checkpoint=str(checkpoint),
        train=table,
        task=table.task,  # type: ignore[arg-type]
        parameters=FinetuningParameters.model_validate(parameters),
        output_folder=output,
        **options,
    )


@pytest.fixture
def table(tmp_path: Path) -> ImageTable:
    return read_image_table(write_class_folders(tmp_path / "stripes", per_class=16))


def weights(result: FinetuneResult) -> dict[str, torch.Tensor]:
    return load_file(result.model_folder / "data" / "model" / "model.safetensors")


@pytest.mark.parametrize("family", ["vit", "beit", "deit", "dinov2", "swin", "resnet"])
@pytest.mark.parametrize("method", ["full", "head"])
def test_every_family_learns(tmp_path: Path, table: ImageTable, family: str, method: str) -> None:
    checkpoint = write_checkpoint(tmp_path / family, family)
    parameters: dict[str, Any] = {"method": method}
    if method == "head":
        parameters |= {"number_of_epochs": 60, "learning_rate": 0.02}
    result = train(checkpoint, table, tmp_path / "out", parameters=parameters)
    assert result.classes == ("level", "upright")
    assert result.history[-1]["loss"] < result.history[0]["loss"]
    scorer = Scorer.load(result.model_folder)
    fresh = [striped(kind, 900 + n) for kind in (1, 0) for n in range(10)]
    found = np.stack([p.probs for p in scorer.predict(fresh)]).argmax(1)
    assert (found == np.repeat([0, 1], 10)).mean() >= 0.8


def test_lora_learns_and_leaves_no_trace(tmp_path: Path, table: ImageTable) -> None:
    checkpoint = write_checkpoint(tmp_path / "vit")
    result = train(
        checkpoint,
        table,
        tmp_path / "out",
        parameters={"method": "lora", "number_of_epochs": 12, "learning_rate": 1e-2},
    )
    assert result.best_metric >= 0.8
    before, after = load_file(checkpoint / "model.safetensors"), weights(result)
    assert before.keys() == after.keys()
    changed = {
        n
        for n in before
        if n in after and before[n].shape == after[n].shape and not torch.equal(before[n], after[n])
    }
    assert changed
    assert all(
        "query" in n or "value" in n or "q_proj" in n or "v_proj" in n or "classifier" in n
        for n in changed
    )


def test_lora_needs_attention(tmp_path: Path, table: ImageTable) -> None:
    with pytest.raises(UsageError, match="attention"):
        train(
            write_checkpoint(tmp_path / "r", "resnet"),
            table,
            tmp_path / "o",
            parameters={"method": "lora"},
        )


def test_multilabel(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    rows: list[dict[str, object]] = []
    for number in range(40):
        kinds = [k for k in (0, 1) if number >> k & 1]
        image = np.full((32, 32, 3), 90.0)
        for kind in kinds:
            image += (striped(kind, number).astype(float) - 90) / 2
        (folder / f"{number}.png").write_bytes(encoded(image.clip(0, 255).astype(np.uint8)))
        rows.append(
            {"image_url": f"{number}.png", "label": [("upright", "level")[k] for k in kinds]}
        )
    table = read_image_table(write_jsonl_rows(folder / "rows.jsonl", rows))
    result = train(
        write_checkpoint(tmp_path / "vit"),
        table,
        tmp_path / "out",
        parameters={"number_of_epochs": 15},
    )
    assert result.plan["metric"] == "iou"
    assert result.best_metric > 0.6
    probabilities = Scorer.load(result.model_folder).predict([table.location(3)])[0].probs
    assert abs(float(probabilities.sum()) - 1) > 0.1


class Killed(BaseException):
    """Stands for kill -9: nothing after it runs but what the interpreter must."""


@pytest.mark.parametrize(
    ("family", "method", "strategy"),
    [
        *(("vit", method, by) for method in ("full", "lora", "head") for by in ("epoch", "steps")),
        # Their weights lie in memory in another order than in files.
        ("resnet", "full", "epoch"),
        ("efficientnet_lite", "full", "steps"),
    ],
)
def test_a_killed_run_resumes_to_the_same_weights(
    tmp_path: Path, table: ImageTable, family: str, method: str, strategy: str
) -> None:
    checkpoint = write_checkpoint(tmp_path / "start", family)
    parameters = {
        "method": method,
        "apply_augmentations": True,
        "optimizer": "adamw",
        "evaluation_strategy": strategy,
        "save_strategy": strategy,
        "evaluation_steps": 4,
        "save_steps": 4,
        "warmup_steps": 3,
        "lora_dropout": 0.1,
    }
    whole = train(checkpoint, table, tmp_path / "whole", parameters=parameters)

    evaluations = 0

    def kill_at_third(event: dict[str, Any]) -> None:
        nonlocal evaluations
        evaluations += event["event"] == "evaluation"
        if evaluations == 3:
            raise Killed

    with pytest.raises(Killed):
        train(checkpoint, table, tmp_path / "killed", parameters=parameters, log=kill_at_third)
    assert not (tmp_path / "killed" / "mlflow-model").exists()
    events: list[dict[str, Any]] = []
    resumed = train(
        checkpoint,
        table,
        tmp_path / "killed",
        parameters=parameters,
        resume=True,
        log=events.append,
    )
    assert any(event["event"] == "resumed" and event["step"] > 0 for event in events)
    assert resumed.history == whole.history
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(resumed)[name]), name


@pytest.mark.parametrize(
    ("optimizer", "extra"),
    [("sgd", "momentum=0.9; nesterov=True"), ("adafactor", ""), ("adagrad", "")],
)
def test_every_optimizer_resumes(
    tmp_path: Path, table: ImageTable, optimizer: str, extra: str
) -> None:
    checkpoint = write_checkpoint(tmp_path / "vit")
    parameters = {"optimizer": optimizer, "extra_optim_args": extra, "max_steps": 12}
    whole = train(checkpoint, table, tmp_path / "whole", parameters=parameters)
    asked = iter([False] * 7 + [True])
    with pytest.raises(RunCancelled):
        train(
            checkpoint,
            table,
            tmp_path / "out",
            parameters=parameters,
            cancelled=lambda: next(asked),
        )
    resumed = train(checkpoint, table, tmp_path / "out", parameters=parameters, resume=True)
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(resumed)[name]), name


def test_resume_refuses_other_data_or_parameters(tmp_path: Path, table: ImageTable) -> None:
    checkpoint = write_checkpoint(tmp_path / "vit")
    train(checkpoint, table, tmp_path / "out", parameters={"max_steps": 4})
    with pytest.raises(TintypeError, match="have changed"):
        train(
            checkpoint,
            table,
            tmp_path / "out",
            parameters={"max_steps": 4, "random_seed": 3},
            resume=True,
        )


def test_cancelling_keeps_a_checkpoint(tmp_path: Path, table: ImageTable) -> None:
    checkpoint = write_checkpoint(tmp_path / "vit")
    asked = iter([False] * 5 + [True])
    with pytest.raises(RunCancelled, match="after step 5"):
        train(checkpoint, table, tmp_path / "out", cancelled=lambda: next(asked))
    assert (tmp_path / "out" / "checkpoints" / "step-00000005").is_dir()


def test_a_second_head_on_the_same_images_needs_no_backbone(
    tmp_path: Path, table: ImageTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tintype.training import head_training

    checkpoint = write_checkpoint(tmp_path / "vit")
    parameters = {"method": "head"}
    train(checkpoint, table, tmp_path / "first", parameters=parameters)

    def never(*_: object) -> None:
        raise AssertionError("features should come from the cache")

    monkeypatch.setattr(head_training, "head_features", never)
    train(checkpoint, table, tmp_path / "second", parameters={**parameters, "random_seed": 7})


def test_the_best_checkpoint_becomes_the_model(tmp_path: Path, table: ImageTable) -> None:
    result = train(
        write_checkpoint(tmp_path / "vit"),
        table,
        tmp_path / "out",
        parameters={"metric_for_best_model": "loss", "learning_rate": 0.02, "number_of_epochs": 8},
    )
    losses = [event["loss"] for event in result.history]
    assert result.best_metric == min(losses)
    targets = result.validation.targets()
    scorer = Scorer.load(result.model_folder, precision="fp32", runtime="torch")
    served = np.stack([found.probs for found in scorer.predict(result.validation.locations())])
    for probabilities in (result.validation_probabilities, served):
        picked = probabilities[np.arange(len(targets)), targets]
        assert -np.log(picked).mean() == pytest.approx(min(losses), abs=0.02)


def test_early_stopping(tmp_path: Path, table: ImageTable) -> None:
    result = train(
        write_checkpoint(tmp_path / "vit"),
        table,
        tmp_path / "out",
        parameters={
            "early_stopping": True,
            "early_stopping_patience": 2,
            "learning_rate": 1e-9,
            "number_of_epochs": 30,
        },
    )
    assert len(result.history) == 3


def test_accumulated_passes_equal_one_large_pass(tmp_path: Path, table: ImageTable) -> None:
    checkpoint = write_checkpoint(tmp_path / "vit")
    large = train(
        checkpoint, table, tmp_path / "a", parameters={"training_batch_size": 8, "max_steps": 3}
    )
    small = train(
        checkpoint,
        table,
        tmp_path / "b",
        parameters={"training_batch_size": 2, "gradient_accumulation_step": 4, "max_steps": 3},
    )
    for name, tensor in weights(large).items():
        assert torch.allclose(tensor, weights(small)[name], atol=2e-4), name


def test_memory_running_out_halves_the_batch(
    tmp_path: Path, table: ImageTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tintype.training.losses import ClassificationLoss

    plain = ClassificationLoss.forward

    def hungry(
        self: ClassificationLoss, logits: torch.Tensor, targets: torch.Tensor
    ) -> torch.Tensor:
        if logits.requires_grad and len(logits) > 3:
            raise torch.OutOfMemoryError("tried to allocate")
        return plain(self, logits, targets)

    monkeypatch.setattr(ClassificationLoss, "forward", hungry)
    checkpoint = write_checkpoint(tmp_path / "vit")
    events: list[dict[str, Any]] = []
    parameters = {"max_steps": 2, "auto_find_batch_size": True}
    train(checkpoint, table, tmp_path / "out", parameters=parameters, log=events.append)
    halved = [event["batch_size"] for event in events if event["event"] == "batch_size_halved"]
    assert halved == [4, 2]
    with pytest.raises(RunFailed, match="auto_find_batch_size"):
        train(checkpoint, table, tmp_path / "other", parameters={"max_steps": 2})


def test_a_loss_that_is_not_finite_says_what_to_do(
    tmp_path: Path, table: ImageTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tintype.training.losses import ClassificationLoss

    plain = ClassificationLoss.forward
    monkeypatch.setattr(
        ClassificationLoss, "forward", lambda self, *given: plain(self, *given) * float("nan")
    )
    with pytest.raises(RunFailed, match="lower learning_rate"):
        train(write_checkpoint(tmp_path / "vit"), table, tmp_path / "out")


def test_frozen_layers_stay_as_they_are(tmp_path: Path, table: ImageTable) -> None:
    checkpoint = write_checkpoint(tmp_path / "vit")
    result = train(
        checkpoint, table, tmp_path / "out", parameters={"layers_to_freeze": 2, "max_steps": 3}
    )
    before, after = load_file(checkpoint / "model.safetensors"), weights(result)
    changed = {
        n
        for n in before
        if before[n].shape == after[n].shape and not torch.equal(before[n], after[n])
    }
    assert not [n for n in changed if "embeddings" in n or "layer.0." in n or "layers.0." in n]
    assert [n for n in changed if "layer.1." in n or "layers.1." in n]
    with pytest.raises(UsageError, match="has 3 layers"):
        train(checkpoint, table, tmp_path / "o", parameters={"layers_to_freeze": 4})


def test_another_image_size_is_carried_into_the_model(tmp_path: Path, table: ImageTable) -> None:
    result = train(
        write_checkpoint(tmp_path / "vit"),
        table,
        tmp_path / "out",
        parameters={"image_width": 48, "image_height": 48, "max_steps": 2},
    )
    assert Scorer.load(result.model_folder).preprocessor.input_size == (48, 48)


def test_two_runs_may_not_write_one_output(tmp_path: Path, table: ImageTable) -> None:
    with (
        locked_folder(tmp_path / "out" / "checkpoints"),
        pytest.raises(OutputError, match="another job"),
    ):
        train(write_checkpoint(tmp_path / "vit"), table, tmp_path / "out")


def test_an_unreadable_image_is_named(tmp_path: Path, table: ImageTable) -> None:
    Path(table.location(5)).write_bytes(b"broken")
    with pytest.raises(DataError, match="ignore_data_errors"):
        train(write_checkpoint(tmp_path / "vit"), table, tmp_path / "out")


def test_old_checkpoints_are_pruned(tmp_path: Path, table: ImageTable) -> None:
    train(
        write_checkpoint(tmp_path / "vit"),
        table,
        tmp_path / "out",
        parameters={"save_total_limit": 2},
    )
    assert len(list((tmp_path / "out" / "checkpoints").glob("step-*"))) == 2


def test_scoring_leaves_nothing_behind_that_training_trips_over(tmp_path: Path) -> None:
    # transformers keeps BEiT's position index from one model to the next: were it made in
    # inference mode, no later model of this size could be trained in this process.
    source = write_checkpoint(tmp_path / "source", "beit")
    table = read_image_table(write_class_folders(tmp_path / "pictures"))
    Scorer.load(source).predict([striped(0, 1)])
    Scorer.load(source, task="embeddings").predict([striped(0, 1)])
    result = finetune(
        checkpoint=str(source),
        train=table,
        task="image_classification",
        output_folder=tmp_path / "out",
        parameters=FinetuningParameters(max_steps=2),
    )
    assert result.best_step == 2
