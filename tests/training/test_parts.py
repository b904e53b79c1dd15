from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import noise
from torch import nn

from tintype.schemas.augmentations import Augmentations
from tintype.schemas.finetuning import FinetuningParameters
from tintype.schemas.optimizer_arguments import parse_extra_arguments
from tintype.training.augmentation import Augmenter, _jitter_colors, augment
from tintype.training.content_cache import ContentCache
from tintype.training.heads import StandardisedHead
from tintype.training.losses import ClassificationLoss, class_weights
from tintype.training.optimizers import make_optimizer, make_schedule
from tintype.training.plan import TrainingPlan, make_plan

OFF = Augmentations(
    horizontal_flip=False, crop_scale_min=1, color_jitter=0, rotation_degrees=0, translate=0
)


def plan(rows: int = 100, **parameters: object) -> TrainingPlan:
    return make_plan(
        FinetuningParameters.model_validate(parameters),
        task="image_classification",
        rows=rows,
        from_scratch=False,
        model_parameters=1_000,
        device=torch.device("cpu"),
    )


def test_auto_values_are_resolved_and_given_ones_kept() -> None:
    automatic = plan()
    assert (automatic.epochs, automatic.learning_rate, automatic.metric) == (15, 5e-5, "accuracy")
    assert automatic.warmup_steps == round(automatic.total_steps / 10)
    given = plan(number_of_epochs=3, training_batch_size=10, learning_rate=0.1, warmup_steps=0)
    assert (given.steps_per_epoch, given.total_steps, given.learning_rate) == (10, 30, 0.1)
    assert plan(max_steps=7).total_steps == 7
    accumulated = plan(training_batch_size=10, gradient_accumulation_step=5)
    assert accumulated.steps_per_epoch == 2


@pytest.mark.parametrize("name", ["adamw", "adamw_hf", "sgd", "adafactor", "adagrad"])
def test_every_optimizer_learns(name: str) -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    chosen = plan(optimizer=name, learning_rate=0.05, warmup_steps=0)
    optimizer = make_optimizer(model, chosen)
    inputs = torch.randn(64, 4)
    targets = (inputs[:, 0] > 0).long()
    losses = []
    for _ in range(60):
        loss = nn.functional.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < losses[0] * 0.8


def test_vectors_are_not_decayed() -> None:
    groups = make_optimizer(nn.Linear(4, 2), plan(weight_decay=0.1)).param_groups
    assert [(group["weight_decay"], group["params"][0].ndim) for group in groups] == [
        (0.1, 2),
        (0.0, 1),
    ]


SCHEDULES = {
    "warmup_linear": (0.5, 0.0),
    "warmup_cosine": (0.5, 0.0),
    "warmup_cosine_with_restarts": (0.5, 0.0),
    "warmup_polynomial": (0.5, 0.0),
    "constant": (1.0, 1.0),
    "warmup_constant": (1.0, 1.0),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule(name: str) -> None:
    chosen = plan(learning_rate_scheduler=name, max_steps=110, warmup_steps=10, learning_rate=1.0)
    optimizer = make_optimizer(nn.Linear(2, 2), chosen)
    schedule = make_schedule(optimizer, chosen)
    rates = []
    for _ in range(110):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    middle, last = SCHEDULES[name]
    if name != "constant":
        assert rates[5] == pytest.approx(0.5)
    assert rates[10] == pytest.approx(1.0)
    assert rates[60] == pytest.approx(middle, abs=0.02)
    assert rates[-1] == pytest.approx(last, abs=0.02)


def test_extra_arguments() -> None:
    assert parse_extra_arguments("momentum=0.5; nesterov=True") == {
        "momentum": 0.5,
        "nesterov": True,
    }
    assert parse_extra_arguments("") == {}
    for wrong in ("momentun=1", "momentum", "momentum=open('x')", "nesterov=1", "nesterov=True"):
        with pytest.raises(ValueError, match="extra_optim_args"):
            parse_extra_arguments(wrong)
    with pytest.raises(ValueError, match="'sgd' only"):
        plan(extra_optim_args="momentum=0.5")


def test_class_weights() -> None:
    targets = np.array([0, 0, 0, 1])
    assert class_weights(targets, 2, 0) is None
    balanced, roots = class_weights(targets, 2, 2), class_weights(targets, 2, 1)
    assert balanced is not None
    assert roots is not None
    assert balanced.tolist() == pytest.approx([4 / 6, 2.0])
    assert torch.allclose(roots**2, balanced)
    hot = np.array([[1, 0], [1, 0], [1, 1], [0, 0]], np.float32)
    assert class_weights(hot, 2, 2).tolist() == pytest.approx([4 / 6, 2.0])  # type: ignore[union-attr]


def test_losses_equal_torch_by_hand() -> None:
    logits = torch.randn(5, 3)
    targets = torch.tensor([0, 1, 2, 1, 0])
    smoothed = ClassificationLoss("image_classification", smoothing=0.1)(logits, targets)
    assert torch.allclose(
        smoothed, nn.functional.cross_entropy(logits, targets, label_smoothing=0.1)
    )
    hot = (torch.rand(5, 3) > 0.5).float()
    loss = ClassificationLoss("image_classification_multilabel")(logits.bfloat16(), hot)
    expected = nn.functional.binary_cross_entropy_with_logits(logits.bfloat16().float(), hot)
    assert torch.allclose(loss, expected)


def photos(count: int = 8) -> torch.Tensor:
    return torch.from_numpy(np.stack([noise(24, 32, seed=n) for n in range(count)]))


def test_augmentation_is_decided_by_seed_and_step() -> None:
    settings = Augmentations(rotation_degrees=20, translate=0.1)
    first, again = (augment(photos(), settings, seed=1, step=5) for _ in range(2))
    other = augment(photos(), settings, seed=1, step=6)
    assert first.shape == photos().shape
    assert first.dtype == torch.uint8
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_step_for_each_image_is_that_of_the_image_alone() -> None:
    settings = Augmentations(rotation_degrees=20, translate=0.1)
    augmenter = Augmenter(settings, 1, randaugment_ops=1, random_erasing=0.5)
    together = augmenter(photos(4), step=np.array([5, 9, 5, 7]))
    alone = [
        augmenter(photo[None], step=step)
        for photo, step in zip(photos(4), (5, 9, 5, 7), strict=True)
    ]
    assert torch.equal(together, torch.cat(alone))


def test_everything_off_changes_nothing() -> None:
    assert torch.equal(augment(photos(), OFF, seed=0, step=0), photos())


def test_flips_mirror_half_of_the_images() -> None:
    images = photos(64)
    flipped = augment(images, OFF.model_copy(update={"horizontal_flip": True}), seed=0, step=0)
    mirrored = [
        bool((a.flip(1).int() - b.int()).abs().max() <= 1)
        for a, b in zip(images, flipped, strict=True)
    ]
    same = [
        bool((a.int() - b.int()).abs().max() <= 1) for a, b in zip(images, flipped, strict=True)
    ]
    assert all(m != s for m, s in zip(mirrored, same, strict=True))
    assert 16 < sum(mirrored) < 48
    upside = augment(images, OFF.model_copy(update={"vertical_flip": True}), seed=0, step=0)
    assert any(
        (a.flip(0).int() - b.int()).abs().max() <= 1 for a, b in zip(images, upside, strict=True)
    )


def test_rotation_keeps_circles_round() -> None:
    """On an image that is not square, a rotated disc stays a disc."""
    y, x = np.mgrid[:60, :120]
    disc = (((y - 30) ** 2 + (x - 60) ** 2 < 400) * 255).astype(np.uint8)
    image = torch.from_numpy(np.repeat(disc[None, ..., None], 3, -1)).repeat(16, 1, 1, 1)
    turned = augment(image, OFF.model_copy(update={"rotation_degrees": 20}), seed=0, step=0)
    assert ((turned.float() - image.float()).abs() > 128).float().mean() < 0.02


def test_colour_jitter_keeps_places() -> None:
    changed = augment(
        photos(), OFF.model_copy(update={"color_jitter": 0.4}), seed=0, step=0
    ).float()
    for before, after in zip(photos().float(), changed, strict=True):
        correlation = np.corrcoef(before.mean(-1).ravel(), after.mean(-1).ravel())[0, 1]
        assert correlation > 0.9


def test_colour_jitter_is_brightness_contrast_and_saturation() -> None:
    images = photos(3).permute(0, 3, 1, 2).float()
    factors = torch.tensor([[1.2, 0.7, 1.3], [0.8, 1.1, 0.6], [1.0, 1.0, 1.0]])
    expected = []
    for image, (brightness, contrast, saturation) in zip(images, factors, strict=True):
        bright = image * brightness
        mean = torch.tensordot(torch.tensor([0.299, 0.587, 0.114]), bright, 1).mean()
        contrasted = mean + (bright - mean) * contrast
        grey = torch.tensordot(torch.tensor([0.299, 0.587, 0.114]), contrasted, 1)
        expected.append(grey + (contrasted - grey) * saturation)
    torch.testing.assert_close(
        _jitter_colors(images, factors), torch.stack(expected), rtol=1e-5, atol=1e-3
    )


def test_content_cache(tmp_path: Path) -> None:
    cache = ContentCache(tmp_path / "cache")
    digests = [f"{n:032x}" for n in range(6)]
    rows = np.arange(24, dtype=np.float32).reshape(6, 4)
    cache.add(digests[:3], rows[:3])
    cache.add(digests[1:], rows[1:])
    again = ContentCache(tmp_path / "cache")
    assert np.array_equal(again.gather([digests[5], digests[0], digests[5]]), rows[[5, 0, 5]])
    assert digests[4] in again
    assert "f" * 32 not in again
    # A shard that a kill or a bad disk damaged is as if it were absent.
    for path in (tmp_path / "cache").glob("*.rows.npy"):
        path.write_bytes(path.read_bytes()[:40])
    assert digests[4] not in ContentCache(tmp_path / "cache")


def test_a_standardised_head_folds_back() -> None:
    torch.manual_seed(0)
    features = torch.randn(50, 6) * torch.tensor([1, 10, 100, 0.1, 1, 0]) + 3
    for head in (nn.Linear(6, 3), nn.Sequential(nn.Flatten(), nn.Linear(6, 3))):
        learner = StandardisedHead(head, features)
        expected = learner(features)
        assert torch.allclose(learner.folded()(features), expected, atol=1e-4)
        assert learner.mean.abs().sum() > 0
    deep = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 3))
    assert torch.equal(StandardisedHead(deep, features)(features), deep(features))
