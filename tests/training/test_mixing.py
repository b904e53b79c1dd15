from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoints import write_checkpoint
from pictures import noise, write_class_folders
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from safetensors.torch import load_file
from torch.nn import functional

from tintype.data import ImageTable, read_image_table
from tintype.errors import RunCancelled
from tintype.schemas.augmentations import Augmentations
from tintype.schemas.automl_parameters import AutomlParameters
from tintype.schemas.finetuning import FinetuningParameters
from tintype.training import FinetuneResult, finetune
from tintype.training.augmentation import Augmenter, erase, make_augmenter
from tintype.training.losses import ClassificationLoss
from tintype.training.mixing import BatchMixer
from tintype.training.randaugment import OPERATIONS, randaugment

MULTICLASS, MULTILABEL = "image_classification", "image_classification_multilabel"


def images(count: int = 8, height: int = 24, width: int = 32) -> torch.Tensor:
    pixels = np.stack([noise(height, width, seed=n) for n in range(count)])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float()


def shares(given: torch.Tensor, mixed: torch.Tensor) -> list[tuple[int, float]]:
    """Which other image each was blended with, and the share of the first."""
    found = []
    for own, result in zip(given, mixed, strict=True):
        best = None
        for place, other in enumerate(given):
            difference = (own - other).flatten().double()
            if difference.abs().max() == 0:
                continue
            share = float(
                (result - other).flatten().double() @ difference / difference.square().sum()
            )
            error = float((result - other - share * (own - other)).abs().max())
            if best is None or error < best[2]:
                best = place, share, error
        assert best is not None
        found.append((best[0], best[1]))
    return found


def test_mixup_blends_images_and_labels_alike() -> None:
    given, targets = images(), torch.arange(8) % 3
    mixed, soft = BatchMixer(0.4, 0.0, 3, seed=1)(given, targets, step=7)
    again, _ = BatchMixer(0.4, 0.0, 3, seed=1)(given, targets, step=7)
    other, _ = BatchMixer(0.4, 0.0, 3, seed=1)(given, targets, step=8)
    assert torch.equal(mixed, again)
    assert not torch.equal(mixed, other)
    hot = functional.one_hot(targets, 3).float()
    kept = {round(share, 4) for (_, share), own in zip(shares(given, mixed), soft, strict=True)}
    # One share for the batch, but for images that met themselves.
    assert len(kept - {1.0}) == 1
    for number, (place, share) in enumerate(shares(given, mixed)):
        expected = share * hot[number] + (1 - share) * hot[place]
        assert torch.allclose(soft[number], expected, atol=1e-4)


def test_cutmix_puts_in_a_box_and_its_share_of_the_labels() -> None:
    given, targets = images(), torch.eye(8)
    for step in range(20):
        mixed, soft = BatchMixer(0.0, 1.0, 8, seed=2)(given, targets, step=step)
        for number in range(8):
            changed = (mixed[number] != given[number]).any(0)
            where = changed.nonzero()
            area = float(changed.float().mean())
            if not len(where):
                assert torch.equal(soft[number], targets[number])
                continue
            # A box: all of what lies between its corners, and of one other image.
            (top, left), (bottom, right) = where.min(0).values, where.max(0).values
            other = int((soft[number] * (1 - targets[number])).argmax())
            inside = mixed[number, :, top : bottom + 1, left : right + 1]
            assert torch.equal(inside, given[other, :, top : bottom + 1, left : right + 1])
            assert soft[number, other] == pytest.approx(area, abs=0.02)
            assert soft[number].sum() == pytest.approx(1)


def test_shares_are_drawn_from_beta_and_a_coin_decides() -> None:
    given, targets = images(2), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    drawn, cuts = [], 0
    for step in range(400):
        _, soft = BatchMixer(0.2, 0.0, 2, seed=3)(given, targets, step=step)
        drawn.append(float(soft[0, 0]))
        mixed, _ = BatchMixer(0.2, 1.0, 2, seed=3)(given, targets, step=step)
        cuts += bool(((mixed[0] == given[0]) | (mixed[0] == given[1])).all())
    # Of Beta(0.2, 0.2): the mean 0.5 and the variance 1 / (4 (2 alpha + 1)); half of the batches
    # have every image joined with itself.
    joined = [value for value in drawn if value != 1]
    assert np.var(joined) == pytest.approx(1 / (4 * 1.4), abs=0.03)
    assert 0.35 < cuts / 400 < 0.85


def test_the_loss_of_mixed_targets_is_the_mixed_loss() -> None:
    torch.manual_seed(0)
    logits, first, second = torch.randn(6, 4), torch.arange(6) % 4, (torch.arange(6) + 1) % 4
    soft = 0.3 * functional.one_hot(first, 4) + 0.7 * functional.one_hot(second, 4)
    loss = ClassificationLoss(MULTICLASS, smoothing=0.1)
    expected = 0.3 * loss(logits, first) + 0.7 * loss(logits, second)
    assert torch.allclose(loss(logits, soft), expected, atol=1e-6)
    weighted = ClassificationLoss(MULTICLASS, weights=torch.tensor([1.0, 2.0, 0.5, 3.0]))
    hard = functional.one_hot(first, 4).float()
    assert torch.allclose(weighted(logits, hard), weighted(logits, first), atol=1e-6)


def pillow(image: torch.Tensor) -> Image.Image:
    return Image.fromarray(image.permute(1, 2, 0).byte().numpy())


def levels(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1).float()


# What Pillow does for an amount; and how many levels rounding may part them by.
PILLOW: dict[str, tuple[Any, float]] = {
    "identity": (lambda image, amount: image, 0),
    "autocontrast": (lambda image, amount: ImageOps.autocontrast(image), 1),
    "equalize": (lambda image, amount: ImageOps.equalize(image), 0),
    "solarize": (lambda image, amount: ImageOps.solarize(image, 256 * (1 - abs(amount))), 0),
    "posterize": (lambda image, amount: ImageOps.posterize(image, 8 - round(4 * abs(amount))), 0),
    "color": (lambda image, amount: ImageEnhance.Color(image).enhance(1 + 0.9 * amount), 2),
    "contrast": (lambda image, amount: ImageEnhance.Contrast(image).enhance(1 + 0.9 * amount), 2),
    "brightness": (
        lambda image, amount: ImageEnhance.Brightness(image).enhance(1 + 0.9 * amount),
        1,
    ),
    "sharpness": (
        lambda image, amount: ImageEnhance.Sharpness(image).enhance(1 + 0.9 * amount),
        2,
    ),
}


@pytest.mark.parametrize("name", PILLOW)
@pytest.mark.parametrize("amount", [0.9, -0.5, 0.0])
def test_operations_are_pillows(name: str, amount: float) -> None:
    given = images(4) * 0.6 + 30
    given = given.round()
    ours = OPERATIONS[name](given, torch.full((4,), amount)).clamp(0, 255)
    operation, tolerance = PILLOW[name]
    for image, result in zip(given, ours, strict=True):
        expected = levels(operation(pillow(image), amount))
        assert (result - expected).abs().max() <= tolerance


@pytest.mark.parametrize("name", ["rotate", "shear_x", "shear_y", "translate_x", "translate_y"])
def test_moved_pixels_are_where_pillow_puts_them(name: str) -> None:
    # A smooth picture: interpolation and borders then matter little.
    y, x = np.mgrid[:48, :64]
    picture = 127 + 100 * np.sin(x / 9) * np.cos(y / 7)
    smooth = torch.from_numpy(np.repeat(picture[None, None], 3, 1).round()).float()
    ours = OPERATIONS[name](smooth, torch.tensor([0.5]))[0]
    image, angle = pillow(smooth[0]), 15
    if name == "rotate":
        expected = image.rotate(angle, resample=Image.Resampling.BILINEAR)
    else:
        slope = {"shear_x": (0.15, 0), "shear_y": (0, 0.15)}.get(name, (0, 0))
        shift = {"translate_x": (150 / 331 * 32, 0), "translate_y": (0, 150 / 331 * 24)}.get(
            name, (0, 0)
        )
        # About the middle of the picture, as rotation is.
        matrix = (
            1,
            slope[0],
            shift[0] - slope[0] * 24,
            slope[1],
            1,
            shift[1] - slope[1] * 32,
        )
        expected = image.transform(
            image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
        )
    # Away from the borders, which are reflected here and black there.
    inner = levels(expected)[0] > 0
    inner &= (
        torch.from_numpy(
            np.asarray(
                Image.fromarray((inner.numpy() * 255).astype(np.uint8)).filter(
                    ImageFilter.MinFilter(5)
                )
            )
        )
        > 0
    )
    assert inner.float().mean() > 0.4
    assert (ours[0] - levels(expected)[0])[inner].abs().mean() < 3


def test_randaugment_changes_each_image_in_its_own_way() -> None:
    given = images(1).repeat(64, 1, 1, 1)
    results = [
        randaugment(given, ops=2, magnitude=9, random=np.random.default_rng(seed))
        for seed in (1, 1, 2)
    ]
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
    assert len({result.numpy().tobytes() for result in results[0]}) > 30
    assert torch.equal(given, images(1).repeat(64, 1, 1, 1))
    assert results[0].min() >= 0
    assert results[0].max() <= 255


def test_erased_boxes_have_the_size_of_the_paper() -> None:
    given = torch.full((400, 40, 60, 3), 255, dtype=torch.uint8)
    erased = erase(given, 0.25, np.random.default_rng(5))
    changed = (erased != 255).any(-1)
    shares = changed.flatten(1).float().mean(1)
    hit = shares > 0
    assert 0.18 < hit.float().mean() < 0.32
    assert shares[hit].min() >= 0.01
    assert shares[hit].max() <= 0.42
    assert shares[hit].mean() == pytest.approx(0.21, abs=0.04)
    assert (given == 255).all()
    # Noise from 0 to 255.
    values = erased[hit][changed[hit]].float()
    assert values.mean() == pytest.approx(127, abs=8)


def test_augmenters_come_from_parameters() -> None:
    chosen = make_augmenter(FinetuningParameters(randaugment=True, random_erasing=0.25))
    assert chosen == Augmenter(Augmentations(), 42, 2, 9.0, 0.25)
    assert make_augmenter(FinetuningParameters(apply_augmentations=False)) is None
    with pytest.raises(ValueError, match="apply_augmentations: true"):
        FinetuningParameters(randaugment=True, apply_augmentations=False)
    with pytest.raises(ValueError, match="learns on features"):
        FinetuningParameters(method="head", mixup_alpha=0.2)
    searched = AutomlParameters(model_name="vitb16r224", mixup_alpha=0.2, randaugment=True)
    parameters = searched.to_finetuning(
        "image_classification", metric="accuracy", validation_data_size=0.2
    )
    assert (parameters.mixup_alpha, parameters.randaugment) == (0.2, True)


def train(tmp_path: Path, table: ImageTable, output: str, **options: Any) -> FinetuneResult:
    return finetune(
        checkpoint=str(tmp_path / "vit"),
        train=table,
        task="image_classification",
        output_folder=tmp_path / output,
        parameters=FinetuningParameters(
            number_of_epochs=5,
            learning_rate=3e-3,
            training_batch_size=8,
            precision="32",
            mixup_alpha=0.2,
            cutmix_alpha=1.0,
            randaugment=True,
            random_erasing=0.25,
        ),
        **options,
    )


def test_mixed_training_resumes_to_the_same_weights(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "vit")
    table = read_image_table(write_class_folders(tmp_path / "stripes", per_class=16))
    whole = train(tmp_path, table, "whole")
    asked = iter([False] * 9 + [True])
    with pytest.raises(RunCancelled):
        train(tmp_path, table, "killed", cancelled=lambda: next(asked))
    resumed = train(tmp_path, table, "killed", resume=True)
    assert resumed.history == whole.history
    one, other = (
        load_file(result.model_folder / "data" / "model" / "model.safetensors")
        for result in (whole, resumed)
    )
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name
