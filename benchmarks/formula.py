"""A checkpoint pretrained without anybody's pictures: formula-driven supervised learning.

A ResNet-18 learns to tell iterated function systems apart (Kataoka et al. 2020, "Pre-training
without Natural Images"): each class is one random system, each image one rendering of it. That
gives features worth transferring where no pretrained weights can be had, in a Hub-format folder and,
with the same weights, in timm's layout.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from timm_folder import write_timm_folder

SIDE = 96
CLASSES = 200
_POINTS = 3000


def write_formula_resnet(folder: Path, *, seconds: float, seed: int = 0) -> tuple[Path, Path]:
    """Pretrain for about `seconds` and write `folder/hub` and `folder/timm`; both are returned."""
    hub, timm = folder / "hub", folder / "timm"
    if not (timm / "config.json").exists():
        model = _pretrained(seconds, seed)
        _write_hub(model, hub)
        _write_timm(model, timm)
    return hub, timm


def fractal(system: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One rendering of a system of affine maps (m, 2, 3): uint8 (SIDE, SIDE, 3)."""
    jittered = system * random.uniform(0.9, 1.1, system.shape)
    choices = random.integers(0, len(system), _POINTS)
    points = np.zeros((_POINTS, 2))
    point = np.zeros(2)
    for index, choice in enumerate(choices):
        matrix = jittered[choice]
        point = matrix[:, :2] @ point + matrix[:, 2]
        points[index] = point
    points = points[50:]
    low, high = np.percentile(points, [1, 99], axis=0)
    places = (points - low) / np.maximum(high - low, 1e-6)
    angle = random.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    places = (places - 0.5) @ turn.T * random.uniform(0.6, 1.0) + 0.5
    inside = ((places >= 0) & (places < 1)).all(1)
    pixels = (places[inside] * SIDE).astype(int)
    image = np.zeros((SIDE, SIDE), np.float32)
    np.add.at(image, (pixels[:, 1], pixels[:, 0]), 1.0)
    image = np.minimum(image * 120, 255)
    colour = random.uniform(0.4, 1.0, 3)
    ground = random.uniform(0, 90, 3)
    return np.clip(ground + image[..., None] * colour, 0, 255).astype(np.uint8)


def _systems(seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    found = []
    while len(found) < CLASSES:
        system = random.uniform(-1, 1, (random.integers(2, 6), 2, 3))
        # Contracting maps only: others fly apart.
        norms = [np.linalg.norm(matrix[:, :2], 2) for matrix in system]
        if max(norms) < 0.95 and min(norms) > 0.3:
            found.append(system)
    return found


def _pretrained(seconds: float, seed: int) -> Any:
    import torch
    from transformers import ResNetConfig, ResNetForImageClassification

    random = np.random.default_rng(seed)
    systems = _systems(seed)
    images = np.stack([fractal(system, random) for system in systems for _ in range(30)])
    targets = torch.arange(CLASSES).repeat_interleave(30)
    torch.manual_seed(seed)
    model = ResNetForImageClassification(
        ResNetConfig(
            embedding_size=64,
            hidden_sizes=[64, 128, 256, 512],
            depths=[2, 2, 2, 2],
            layer_type="basic",
            num_labels=CLASSES,
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.02)
    begun, epoch = time.monotonic(), 0
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda _: max(0.02, 1 - (time.monotonic() - begun) / seconds)
    )
    model.train().to(memory_format=torch.channels_last)
    while time.monotonic() - begun < seconds:
        order = torch.randperm(len(images))
        total = right = 0
        for start in range(0, len(order) - 63, 64):
            rows = order[start : start + 64]
            pixels = torch.from_numpy(images[rows.numpy()]).permute(0, 3, 1, 2).float() / 127.5 - 1
            if torch.rand(()) < 0.5:
                pixels = pixels.flip(-1)
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(pixels.contiguous(memory_format=torch.channels_last)).logits
                loss = torch.nn.functional.cross_entropy(logits.float(), targets[rows])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            right += int((logits.argmax(1) == targets[rows]).sum())
            total += len(rows)
            if time.monotonic() - begun > seconds:
                break
        epoch += 1
        print(
            f"pretraining, epoch {epoch}: {right / total:.3f} of the formulas told", file=sys.stderr
        )
    return model.eval()


def _write_hub(model: Any, folder: Path) -> None:
    from transformers import ViTImageProcessor

    model.save_pretrained(folder)
    ViTImageProcessor(
        size={"height": SIDE, "width": SIDE}, image_mean=[0.5] * 3, image_std=[0.5] * 3
    ).save_pretrained(folder)


def _write_timm(model: Any, folder: Path) -> None:
    """The same weights under timm's names for resnet18."""
    state = {}
    for name, tensor in model.resnet.state_dict().items():
        parts = name.split(".")
        if parts[0] == "embedder":
            prefix = "conv1" if parts[2] == "convolution" else "bn1"
        else:
            stage, layer, rest = int(parts[2]), parts[4], parts[5:]
            if rest[0] == "shortcut":
                inner = "downsample.0" if rest[1] == "convolution" else "downsample.1"
            else:
                kind = "conv" if rest[2] == "convolution" else "bn"
                inner = f"{kind}{int(rest[1]) + 1}"
            prefix = f"layer{stage + 1}.{layer}.{inner}"
        state[f"{prefix}.{parts[-1]}"] = tensor.clone()
    features = state["layer4.1.conv2.weight"].shape[0]
    write_timm_folder(
        folder,
        "resnet18",
        state,
        features=features,
        input_size=[3, SIDE, SIDE],
        interpolation="bilinear",
        crop_pct=1.0,
        first_conv="conv1",
        classifier="fc",
    )
