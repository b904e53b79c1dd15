from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoints import write_checkpoint
from pictures import encoded, striped
from torch import nn

from tintype.data import read_image_table
from tintype.schemas.automl_parameters import AutomlParameters
from tintype.schemas.finetuning import FinetuningParameters
from tintype.scoring import Scorer
from tintype.training import finetune
from tintype.training.losses import ClassificationLoss, log_priors
from tintype.training.sampling import epoch_order

MULTICLASS, MULTILABEL = "image_classification", "image_classification_multilabel"


def test_an_epoch_sees_each_row_once_unless_it_is_balanced() -> None:
    targets = np.repeat([0, 1, 2], [90, 8, 2])
    plain = epoch_order(targets, balanced=False, seed=1, epoch=0)
    assert sorted(plain) == list(range(100))
    first, again, later = (
        epoch_order(targets, balanced=True, seed=1, epoch=epoch) for epoch in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, later)
    for order in (first, later):
        assert len(order) == 100
        assert np.abs(np.bincount(targets[order]) - 100 / 3).max() <= 1
        # Each row of a class as often as the others, to within one draw.
        for code in range(3):
            seen = np.bincount(order, minlength=100)[targets == code]
            assert seen.max() - seen.min() <= 1
    # Rows are shuffled: no class comes first.
    assert len(set(targets[first][:30])) == 3
    # Over many epochs, all rows of the frequent class are seen.
    many = np.concatenate(
        [epoch_order(targets, balanced=True, seed=1, epoch=epoch) for epoch in range(40)]
    )
    assert set(many) == set(range(100))


def test_rows_with_several_labels_are_drawn_by_the_rarest() -> None:
    targets = np.zeros((100, 3))
    targets[:80, 0] = 1
    targets[70:80, 1] = 1
    targets[80:84, 2] = 1
    weights = np.where(np.arange(100) < 70, 1 / 80, 0.0)
    weights[70:80], weights[80:84], weights[84:] = 1 / 10, 1 / 4, 1 / 16
    order = epoch_order(targets, balanced=True, seed=2, epoch=3)
    expected = 100 * weights / weights.sum()
    seen = np.bincount(order, minlength=100)
    assert (np.abs(seen - expected) <= 1).all()


def test_logit_adjustment_is_its_papers_formula() -> None:
    targets = np.repeat([0, 1, 2], [6, 3, 1])
    logits, codes = torch.randn(10, 3), torch.from_numpy(targets)
    loss = ClassificationLoss(MULTICLASS, adjustment=log_priors(targets, 3))(logits, codes)
    # Equation 10: -log(pi_y exp(f_y) / sum over y' of pi_y' exp(f_y')).
    priors = torch.tensor([0.6, 0.3, 0.1])
    shares = priors * logits.exp() / (priors * logits.exp()).sum(1, keepdim=True)
    assert torch.allclose(loss, -shares[torch.arange(10), codes].log().mean(), atol=1e-6)
    assert torch.isfinite(log_priors(targets, 5)).all()


@pytest.mark.parametrize("balanced", [False, True])
def test_logit_adjustment_judges_as_if_classes_were_equally_frequent(balanced: bool) -> None:
    """Two normal distributions, nine to one: the border of equal frequency is in the middle."""
    random = np.random.default_rng(1)
    targets = (random.random(20_000) < 0.1).astype(np.int64)
    inputs = torch.from_numpy(random.normal(2.0 * targets, 1.0)[:, None]).float()
    model = nn.Linear(1, 2)
    loss = ClassificationLoss(MULTICLASS, adjustment=log_priors(targets, 2) if balanced else None)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=200)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss(model(inputs), torch.from_numpy(targets))
        value.backward()
        return value

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    slope = (model.weight[1] - model.weight[0]).item()
    border = (model.bias[0] - model.bias[1]).item() / slope
    # By Bayes: 1, or 1 + log(9) / 2 where frequency counts.
    assert border == pytest.approx(1.0 if balanced else 1 + np.log(9) / 2, abs=0.06)


@pytest.mark.parametrize("balance", ["sampling", "logit_adjustment"])
def test_a_rare_class_is_found(tmp_path: Path, balance: str) -> None:
    # Upright stripes are called level twice as often as upright: 12 of 60 against 6 of 6.
    for name, kind, count in (("level", 0, 48), ("level", 1, 12), ("upright", 1, 6)):
        folder = tmp_path / "train" / name
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            seed = 100 * kind + 300 * (name == "upright") + number
            (folder / f"{kind}-{number}.png").write_bytes(encoded(striped(kind, seed)))
    table = read_image_table(tmp_path / "train")
    checkpoint = write_checkpoint(tmp_path / "vit")
    recalls = {}
    for chosen in ("none", balance):
        result = finetune(
            checkpoint=str(checkpoint),
            train=table,
            validation=table,
            task="image_classification",
            output_folder=tmp_path / chosen,
            parameters=FinetuningParameters.model_validate(
                {
                    "number_of_epochs": 6,
                    "learning_rate": 1e-3,
                    "training_batch_size": 8,
                    "precision": "32",
                    "apply_augmentations": False,
                    "class_balance": chosen,
                    "metric_for_best_model": "recall_score_macro",
                }
            ),
        )
        probabilities = Scorer.load(result.model_folder).score_table(table).probabilities
        rare = table.targets() == list(result.classes).index("upright")
        recalls[chosen] = float((probabilities.argmax(1) == 1)[rare].mean())
    assert recalls[balance] > recalls["none"] + 0.3


def test_it_stands_in_documents() -> None:
    given: dict[str, Any] = {"class_balance": "sampling", "weighted_loss": 1}
    with pytest.raises(ValueError, match="leave one out"):
        FinetuningParameters.model_validate(given)
    with pytest.raises(ValueError, match="use 'sampling'"):
        FinetuningParameters(class_balance="logit_adjustment").check_task(MULTILABEL)
    automl = AutomlParameters(class_balance="sampling")
    chosen = automl.to_finetuning(MULTICLASS, metric="accuracy", validation_data_size=0.2)
    assert chosen.class_balance == "sampling"
