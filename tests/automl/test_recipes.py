"""Recipes: what suits which data, and that training takes each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from checkpoints import write_checkpoint
from pictures import write_class_folders

from tintype.automl.recipes import PLAIN, RECIPES, recipes_for
from tintype.data import read_image_table
from tintype.schemas.finetuning import FinetuningParameters
from tintype.training.finetuning import finetune

EVEN, UNEVEN = np.array([40, 50, 60]), np.array([10, 200])


def test_recipes_suit_the_data() -> None:
    even = recipes_for("image_classification", EVEN)
    assert even[0] == PLAIN
    assert not {"balanced", "adjusted", "asymmetric"} & set(even)
    assert {"balanced", "adjusted"} < set(recipes_for("image_classification", UNEVEN))
    several = recipes_for("image_classification_multilabel", UNEVEN)
    assert "asymmetric" in several
    assert "adjusted" not in several
    # A class that is not in the training images at all is the rarest.
    assert "balanced" in recipes_for("image_classification", np.array([5, 0]))


@pytest.mark.parametrize("name", [name for name in RECIPES if name != "asymmetric"])
def test_training_follows_every_recipe(tmp_path: Path, name: str) -> None:
    parameters = FinetuningParameters(**RECIPES[name], number_of_epochs=1, training_batch_size=8)
    result = finetune(
        checkpoint=str(write_checkpoint(tmp_path / "vit")),
        train=read_image_table(write_class_folders(tmp_path / "train", per_class=8)),
        task="image_classification",
        parameters=parameters,
        output_folder=tmp_path / "out",
    )
    assert np.isfinite(result.best_metric)
    assert all(getattr(parameters, key) == value for key, value in RECIPES[name].items())
