from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoints import write_checkpoint
from pictures import write_class_folders
from safetensors.torch import load_file
from torch import nn

from tintype.data import ImageTable, read_image_table
from tintype.schemas.finetuning import FinetuningParameters
from tintype.scoring import Scorer
from tintype.training import FinetuneResult, finetune
from tintype.training.averaging import MovingAverage, Snapshots, mix_snapshots, ranked


def small() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def test_the_moving_average_is_its_formula() -> None:
    model = small()
    model[2].weight.requires_grad_(False)
    frozen = model[2].weight.clone()
    average = MovingAverage(model, 0.9)
    names = [name for name in model.state_dict() if name != "1.num_batches_tracked"]
    expected = {name: model.state_dict()[name].double() for name in names}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01)
    for step in range(1, 121):
        loss = model(torch.randn(8, 3)).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.update(step)
        decay = min(0.9, (1 + step) / (10 + step))
        for name in names:
            live = model.state_dict()[name].double()
            expected[name] = decay * expected[name] + (1 - decay) * live
    raw = {name: value.clone() for name, value in model.state_dict().items()}
    with average.applied():
        for name, value in model.state_dict().items():
            if name in expected:
                assert torch.allclose(value.double(), expected[name], atol=1e-5), name
        assert torch.equal(model[2].weight, frozen)
    for name, value in model.state_dict().items():
        assert torch.equal(value, raw[name]), name
    assert not torch.allclose(average.state_dict()["0.weight"], raw["0.weight"])


def better(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(one["score"] > other["score"])


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Snapshots, list[dict[str, Any]]]:
    """Weights 1 to 6 of one number each, and how good each is by itself."""
    snapshots = Snapshots(tmp_path / "snapshots", 3)
    history: list[dict[str, Any]] = []
    model = nn.Linear(1, 1, bias=False)
    for step, score in enumerate([0.2, 0.9, 0.5, 0.8, 0.7, 0.1], start=1):
        nn.init.constant_(model.weight, float(step))
        history.append({"step": step, "score": score})
        snapshots.keep(model, history, better)
        assert len(list((tmp_path / "snapshots").iterdir())) == min(step, 3)
    return snapshots, history


def test_the_best_snapshots_are_kept(kept: tuple[Snapshots, list[dict[str, Any]]]) -> None:
    snapshots, history = kept
    assert [entry["step"] for entry in ranked(history, better)] == [2, 4, 5, 3, 1, 6]
    assert [step for step in range(1, 7) if snapshots.has(step)] == [2, 4, 5]
    assert snapshots.read(4)["weight"].item() == 4


@pytest.mark.parametrize(
    ("scores", "greedy", "mean", "steps"),
    [
        # Weights 2, 4, 5 with the means 3 (of two), 11/3 (of three) and 3.5 (of 2 and 5).
        ({3.0: 0.95, 11 / 3: 0.97}, True, 11 / 3, [2, 4, 5]),
        ({3.0: 0.95, 11 / 3: 0.94}, True, 3.0, [2, 4]),
        ({3.0: 0.85, 3.5: 0.93}, True, 3.5, [2, 5]),
        ({3.0: 0.85, 3.5: 0.9}, True, None, None),
        ({11 / 3: 0.91}, False, 11 / 3, [2, 4, 5]),
        ({11 / 3: 0.9}, False, None, None),
    ],
)
def test_a_soup_is_kept_where_it_wins(
    kept: tuple[Snapshots, list[dict[str, Any]]],
    scores: dict[float, float],
    greedy: bool,
    mean: float | None,
    steps: list[int] | None,
) -> None:
    def measure(weights: dict[str, torch.Tensor]) -> dict[str, float]:
        value = weights["weight"].item()
        return {"score": next(s for m, s in scores.items() if abs(m - value) < 1e-5)}

    mixed = mix_snapshots(*kept, better, measure, greedy=greedy)
    if mean is None:
        assert mixed is None
        return
    assert mixed is not None
    weights, metrics, found = mixed
    assert weights["weight"].item() == pytest.approx(mean)
    assert found == steps
    assert metrics == measure(weights)


@pytest.fixture
def table(tmp_path: Path) -> ImageTable:
    return read_image_table(write_class_folders(tmp_path / "stripes", per_class=16))


def train(tmp_path: Path, table: ImageTable, output: str, **options: Any) -> FinetuneResult:
    checkpoint = tmp_path / "resnet"
    if not checkpoint.exists():
        write_checkpoint(checkpoint, "resnet")
    values = {
        "number_of_epochs": 6,
        "learning_rate": 3e-3,
        "training_batch_size": 8,
        "precision": "32",
        "ema_decay": 0.8,
        "checkpoint_averaging": "greedy",
        "checkpoint_averaging_count": 3,
        # By the loss no two weights are equal.
        "metric_for_best_model": "loss",
        **options.pop("parameters", {}),
    }
    return finetune(
        checkpoint=str(checkpoint),
        train=table,
        task="image_classification",
        parameters=FinetuningParameters.model_validate(values),
        output_folder=tmp_path / output,
        **options,
    )


def weights(result: FinetuneResult) -> dict[str, torch.Tensor]:
    return load_file(result.model_folder / "data" / "model" / "model.safetensors")


class Killed(BaseException):
    """Stands for kill -9."""


def test_averages_resume_to_the_same_weights(tmp_path: Path, table: ImageTable) -> None:
    whole = train(tmp_path, table, "whole")
    seen = 0

    def kill_at_fourth(event: dict[str, Any]) -> None:
        nonlocal seen
        seen += event["event"] == "evaluation"
        if seen == 4:
            raise Killed

    with pytest.raises(Killed):
        train(tmp_path, table, "killed", log=kill_at_fourth)
    events: list[dict[str, Any]] = []
    resumed = train(tmp_path, table, "killed", resume=True, log=events.append)
    assert any(event["event"] == "resumed" and event["step"] > 0 for event in events)
    assert resumed.history == whole.history
    assert resumed.best_metric == whole.best_metric
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(resumed)[name]), name
    # A run that was killed between the average and the model folder makes the same once more.
    again = train(tmp_path, table, "killed", resume=True)
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(again)[name]), name


def test_what_wins_is_what_is_saved(tmp_path: Path, table: ImageTable) -> None:
    events: list[dict[str, Any]] = []
    result = train(tmp_path, table, "out", log=events.append)
    plain = train(
        tmp_path,
        table,
        "plain",
        parameters={"ema_decay": None, "checkpoint_averaging": "none"},
    )
    # Averages do not disturb the training itself.
    losses = [event["training_loss"] for event in events if event["event"] == "training"]
    assert len(losses) == 6
    assert {event["weights"] for event in result.history} <= {"ema", "raw"}
    for entry, other in zip(result.history, plain.history, strict=True):
        assert entry["loss"] <= other["loss"]
        assert entry["weights"] == "ema" or entry["loss"] == other["loss"]
    assert result.best_metric <= min(entry["loss"] for entry in result.history)
    assert result.best_metric <= plain.best_metric
    card = Scorer.load(result.model_folder).card
    assert card["validation_metrics"]["loss"] == result.best_metric
    averaged = [event for event in events if event["event"] == "averaged"]
    best = next(entry for entry in result.history if entry["step"] == result.best_step)
    if averaged:
        assert card["average_of"] == [f"after step {step}" for step in averaged[0]["steps"]]
        assert result.best_metric < best["loss"]
    else:
        assert card.get("average_of", []) == (["ema"] if best["weights"] == "ema" else [])
    # What is in the folder is what was measured.
    found = Scorer.load(result.model_folder, precision="fp32", runtime="torch").score_table(
        result.validation
    )
    targets = torch.from_numpy(result.validation.targets())
    loss = nn.functional.nll_loss(torch.from_numpy(found.probabilities).log(), targets)
    if not card.get("temperature"):
        assert float(loss) == pytest.approx(result.best_metric, abs=1e-3)
