"""The head is fitted before all weights learn (LP-FT)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoints import write_checkpoint
from pictures import write_class_folders
from safetensors.torch import load_file

from tintype.data import ImageTable, read_image_table
from tintype.errors import DocumentError, RunCancelled, UsageError
from tintype.schemas.automl_parameters import AutomlParameters
from tintype.schemas.document import Document, validate
from tintype.schemas.finetuning import FinetuningParameters
from tintype.training import FinetuneResult, finetune

# All weights learn for one step at a rate that changes next to nothing: what is known by then, the
# head knew.
STILL: dict[str, Any] = {
    "max_steps": 1,
    "learning_rate": 1e-7,
    "warmup_steps": 0,
    "precision": "32",
    "apply_augmentations": False,
}


@pytest.fixture
def table(tmp_path: Path) -> ImageTable:
    return read_image_table(write_class_folders(tmp_path / "stripes", per_class=16))


def train(
    checkpoint: Path | str, table: ImageTable, output: Path, **options: Any
) -> FinetuneResult:
    parameters = {**STILL, **options.pop("parameters", {})}
    return finetune(
        checkpoint=str(checkpoint),
        train=table,
        task=table.task,  # type: ignore[arg-type]
        parameters=FinetuningParameters.model_validate(parameters),
        output_folder=output,
        **options,
    )


@pytest.mark.parametrize(
    ("family", "more"),
    [
        ("vit", {}),
        ("vit", {"method": "lora"}),
        ("swin", {"layers_to_freeze": 1}),
        ("resnet", {"weighted_loss": 2}),
    ],
)
def test_the_head_knows_the_classes_before_the_rest_learns(
    tmp_path: Path, table: ImageTable, family: str, more: dict[str, Any]
) -> None:
    checkpoint = write_checkpoint(tmp_path / "start", family)
    events: list[dict[str, Any]] = []
    result = train(
        checkpoint,
        table,
        tmp_path / "first",
        parameters={**more, "head_first": True},
        log=events.append,
    )
    plain = train(checkpoint, table, tmp_path / "plain", parameters=more)
    assert result.plan["head_first"]
    assert not plain.plan["head_first"]
    assert result.best_metric >= plain.best_metric + 0.2
    notice = next(event["message"] for event in events if event["event"] == "notice")
    assert notice.startswith("the head alone reached accuracy ")
    # The steps of the head are not those of the model.
    assert [event["step"] for event in events if event["event"] == "evaluation"] == [1]


def test_labels_of_which_an_image_has_several(tmp_path: Path) -> None:
    folder = write_class_folders(tmp_path / "stripes", per_class=16)
    paths = sorted(folder.rglob("*.png"))
    lines = [f'{path},"striped {path.parent.name}"' for path in paths]
    (tmp_path / "rows.csv").write_text("\n".join(["filename,labels", *lines]))
    table = read_image_table(tmp_path / "rows.csv")
    assert table.task == "image_classification_multilabel"
    checkpoint = write_checkpoint(tmp_path / "start")
    first, plain = (
        train(checkpoint, table, tmp_path / name, parameters={"head_first": name == "first"})
        for name in ("first", "plain")
    )
    assert first.best_metric > plain.best_metric + 0.2


def test_auto_fits_new_heads_alone(tmp_path: Path, table: ImageTable) -> None:
    auto = {"head_first": "auto"}
    new = train(write_checkpoint(tmp_path / "start"), table, tmp_path / "new", parameters=auto)
    assert new.plan["head_first"]
    known = train(new.model_folder, table, tmp_path / "known", parameters=auto)
    assert not known.plan["head_first"]
    scratch = {**auto, "image_width": 32, "image_height": 32}
    random = train("tintype/resnet-small", table, tmp_path / "random", parameters=scratch)
    assert not random.plan["head_first"]
    with pytest.raises(UsageError, match="starts from random weights"):
        train("tintype/resnet-small", table, tmp_path / "asked", parameters={"head_first": True})


@pytest.mark.parametrize("steps", [3, 25])
def test_a_killed_run_goes_on_to_the_same_weights(
    tmp_path: Path, table: ImageTable, steps: int
) -> None:
    """Killed while the head learns, and while the rest does."""
    checkpoint = write_checkpoint(tmp_path / "start")
    parameters = {"head_first": True, "max_steps": 8, "learning_rate": 1e-3}
    whole = train(checkpoint, table, tmp_path / "whole", parameters=parameters)
    asked = 0
    heads_steps = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked == kill_at

    def count(event: dict[str, Any]) -> None:
        nonlocal heads_steps
        if event["event"] == "notice" and "the head alone" in event["message"]:
            heads_steps = asked

    kill_at = -1
    train(
        checkpoint,
        table,
        tmp_path / "counted",
        parameters=parameters,
        cancelled=cancelled,
        log=count,
    )
    asked, kill_at = 0, steps if steps == 3 else heads_steps + 5
    with pytest.raises(RunCancelled):
        train(
            checkpoint,
            table,
            tmp_path / "killed",
            parameters=parameters,
            cancelled=cancelled,
        )
    again = train(checkpoint, table, tmp_path / "killed", parameters=parameters, resume=True)
    assert again.history == whole.history
    expected, found = (
        load_file(result.model_folder / "data" / "model" / "model.safetensors")
        for result in (whole, again)
    )
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert np.array_equal(again.validation_probabilities, whole.validation_probabilities)


def test_documents(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="head_first applies to method: full and method: lora"):
        validate(FinetuningParameters, Document({"method": "head", "head_first": True}))
    with pytest.raises(DocumentError, match="head_first"):
        validate(FinetuningParameters, Document({"head_first": "first"}))
    auto = FinetuningParameters(head_first="auto")
    assert auto.head_first == "auto"
    assert FinetuningParameters(method="head", head_first="auto").head_first == "auto"
    chosen = AutomlParameters(model_name="vitb16r224", head_first=True)
    assert chosen.head_first is True
