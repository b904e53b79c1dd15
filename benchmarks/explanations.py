"""Are the explanations faithful, equal to their authors' code, and quick?

    ./run bench explanations [--sections faithfulness pointing equality speed] [--photos 12] [--masks 1000] [--repeats 5]
        [--methods rise occlusion ...]

faithfulness: every method that is valid for tintype/efficientnet-lite0 (real ImageNet weights) on real photos of
shared/data/clothing, or of a folder (--images): the areas under deletion and insertion (Petsiuk et al. 2018, 28
parts, deleted pixels get the mean colour, insertion begins with a blur) beside a random map's, in the same run.
pointing: the grid pointing game (Böhle, Fritz & Schiele 2021, §5.3): four photos of different classes, each of which
the model is sure of, in a grid of 2x2; a map of one's class hits where its hottest pixel is in that one's
quarter, and its share is what of its positive attribution lies there. Noise hits one in four.
equality: the largest difference to Captum and the `saliency` package, called by hand, for the same attribution.
speed: ViT-B/16 in its published size with random weights, made by transformers, and efficientnet-lite0;
gradient attention in forward passes of the same network, integrated gradients beside Captum's default call,
which takes all steps in one batch, and beside Captum step by step. Prints Markdown for RESULTS.md.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import machine, quiet

import tintype
from tintype.explaining.faithfulness import Faithfulness, measure_faithfulness, random_map
from tintype.explaining.methods import METHODS, valid_methods
from tintype.explaining.targets import Targets
from tintype.models.networks import load_image_network
from tintype.schemas.explanation import ExplanationOptions

MODEL = "tintype/efficientnet-lite0"
PHOTOS = Path(__file__).parents[2] / "shared" / "data" / "clothing" / "validation"
SECTIONS = ("faithfulness", "pointing", "equality", "speed")

# A photo takes part in the pointing game where the likeliest class has so much.
_SURE = 0.5


def main() -> None:
    """Run what was asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--images", type=Path, default=PHOTOS)
    parser.add_argument("--photos", type=int, default=12)
    parser.add_argument("--masks", type=int, default=1000)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    quiet()
    warnings.filterwarnings("ignore", category=UserWarning, module="captum")
    print(f"{machine()}\n")
    found = sorted(path for path in options.images.rglob("*") if path.suffix.lower() == ".jpg")
    # Evenly over all folders.
    photos = found[:: max(1, len(found) // options.photos)][: options.photos]
    if "faithfulness" in options.sections:
        print_faithfulness(photos, options.masks, options.methods)
    if "pointing" in options.sections:
        print_pointing(found, options.photos, options.masks, options.methods)
    with tempfile.TemporaryDirectory() as folder:
        if "equality" in options.sections:
            print_equality(photos[0], Path(folder))
        if "speed" in options.sections:
            print_speed(photos[0], Path(folder), options.repeats)


def print_faithfulness(photos: Sequence[Path], masks: int, names: Sequence[str]) -> None:
    """Areas under the curves of each method, and of noise."""
    scorer = tintype.Scorer.load(MODEL, runtime="torch", precision="fp32")
    explainer, targets, nothing = scorer.explainer, Targets(scorer), scorer.explainer.mean_colour
    images = [explainer.pixels_of(photo) for photo in photos]
    given = ExplanationOptions.of(masks=masks)
    print(
        f"| {MODEL}, {len(images)} photos | insertion | deletion | insertion less deletion | better than random on | s a photo |"
    )
    print("|---|---|---|---|---|---|")
    by_chance: list[Faithfulness] = []
    for number, image in enumerate(images):
        target, _ = targets.choose(scorer.run(image[None])[0], (), 0.5)[0]
        confidences = partial(explainer.confidences, targets=targets, target=target)
        chance = random_map(image.shape[:2], seed=number)
        by_chance.append(measure_faithfulness(chance, image, confidences, nothing))
    print_row("random", by_chance, by_chance, None)
    for method in valid_methods(scorer.checkpoint):
        if method.name not in names:
            continue
        measured, spent = [], 0.0
        for image in images:
            started = time.perf_counter()
            attribution = explainer.explain_pixels(image, method, targets, (), given).attributions[
                0
            ]
            spent += time.perf_counter() - started
            confidences = partial(explainer.confidences, targets=targets, target=attribution.target)
            measured.append(measure_faithfulness(attribution.map, image, confidences, nothing))
        print_row(method.name, measured, by_chance, spent / len(images))
    print()


def print_row(
    name: str,
    measured: Sequence[Faithfulness],
    by_chance: Sequence[Faithfulness],
    seconds: float | None,
) -> None:
    """One method's means."""
    insertion = statistics.fmean(each.insertion_area for each in measured)
    deletion = statistics.fmean(each.deletion_area for each in measured)
    better = sum(ours.score > other.score for ours, other in zip(measured, by_chance, strict=True))
    beaten = "" if seconds is None else f"{better} of {len(measured)}"
    took = "" if seconds is None else f"{seconds:.2f}"
    print(
        f"| {name} | {insertion:.3f} | {deletion:.3f} | {insertion - deletion:+.3f} | {beaten} | {took} |"
    )


def print_pointing(photos: Sequence[Path], count: int, masks: int, names: Sequence[str]) -> None:
    """How often each method's hottest pixel is on the photo that was asked about."""
    scorer = tintype.Scorer.load(MODEL, runtime="torch", precision="fp32")
    explainer, targets = scorer.explainer, Targets(scorer)
    given = ExplanationOptions.of(masks=masks)
    asked = list(grids(scorer, photos, count))
    print(f"| {MODEL}, {len(asked)} questions about grids of 2x2 | hits | share |")
    print("|---|---|---|")

    def print_hits(name: str, maps: Sequence[np.ndarray]) -> None:
        found = [points_at(heat, place) for heat, (_, place, _) in zip(maps, asked, strict=True)]
        hits = statistics.fmean(hit for hit, _ in found)
        print(f"| {name} | {hits:.2f} | {statistics.fmean(share for _, share in found):.2f} |")

    print_hits(
        "random", [random_map(grid.shape[:2], seed) for seed, (grid, _, _) in enumerate(asked)]
    )
    for method in valid_methods(scorer.checkpoint):
        if method.name not in names:
            continue
        maps = [
            explainer.explain_pixels(grid, method, targets, (label,), given).attributions[0].map
            for grid, _, label in asked
        ]
        print_hits(method.name, maps)
    print()


def grids(
    scorer: tintype.Scorer, photos: Sequence[Path], count: int
) -> Iterator[tuple[np.ndarray, tuple[int, int], str]]:
    """Grids uint8 (h, w, 3), the place (row, column) that is asked about, and its label: one of each place in turn."""
    sure: dict[str, list[np.ndarray]] = {}
    for photo in photos:
        pixels = scorer.explainer.pixels_of(photo)
        label, confidence = scorer.predictions(scorer.run(pixels[None]), None)[0].top(1)[0]
        if confidence >= _SURE:
            sure.setdefault(label, []).append(pixels)
    labels = sorted(sure, key=lambda label: -len(sure[label]))
    generator = np.random.default_rng(0)
    for number in range(count):
        chosen = generator.choice(len(labels), 4, replace=False)
        four = [sure[labels[each]][generator.integers(len(sure[labels[each]]))] for each in chosen]
        # Halves of the sides by the mean of each 2x2.
        small = [
            pixels.reshape(pixels.shape[0] // 2, 2, pixels.shape[1] // 2, 2, 3).mean((1, 3))
            for pixels in four
        ]
        grid = np.vstack([np.hstack(small[:2]), np.hstack(small[2:])]).round().astype(np.uint8)
        place = number % 4
        yield grid, divmod(place, 2), labels[chosen[place]]


def points_at(heat: np.ndarray, place: tuple[int, int]) -> tuple[bool, float]:
    """Whether the hottest pixel of (h, w) is in the quarter, and the share of what is positive that is."""
    half = np.array(heat.shape) // 2
    hottest = np.array(np.unravel_index(heat.argmax(), heat.shape))
    top, left = half * place
    positive = heat.clip(0)
    inside = positive[top : top + half[0], left : left + half[1]].sum()
    return bool((hottest // half == place).all()), float(inside / max(positive.sum(), 1e-12))


class Logits(torch.nn.Module):
    """A classifier of transformers as Captum takes it."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.model(pixel_values=values).logits


def print_equality(photo: Path, folder: Path) -> None:
    """The largest difference to what Captum and `saliency` give for the same input."""
    from captum.attr import GuidedBackprop, IntegratedGradients, LayerAttribution, LayerGradCam
    from saliency.core import XRAI, XRAIParameters

    print("| method | network | beside | largest difference | largest value |")
    print("|---|---|---|---|---|")

    def prepared(model: str) -> tuple[Any, Logits, torch.Tensor, int]:
        scorer = tintype.Scorer.load(model, runtime="torch", precision="fp32")
        pixels = scorer.explainer.pixels_of(photo)
        network = load_image_network(scorer.checkpoint, scorer.preprocessor, "logits")
        values = network.values_of(torch.from_numpy(pixels.copy())[None])
        return scorer, Logits(network.model), values, int(scorer.run(pixels[None]).argmax())

    def row(method: str, name: str, beside: str, ours: np.ndarray, expected: np.ndarray) -> None:
        print(
            f"| {method} | {name} | {beside} | {np.abs(ours - expected).max():.1e} | {np.abs(expected).max():.3g} |"
        )

    scorer, model, values, label = prepared(MODEL)
    for approximation in ("riemann_middle", "gausslegendre"):
        ours = scorer.explain(
            [photo], method="integrated_gradients", n_steps=20, approximation_method=approximation
        )
        theirs = IntegratedGradients(model).attribute(
            values, target=label, n_steps=20, method=approximation
        )
        row(
            f"integrated_gradients, {approximation}",
            "efficientnet-lite0",
            "Captum",
            ours[0].attributions[0].values,
            theirs[0].detach().numpy(),
        )

    def gradients(images: np.ndarray, call_model_args: Any, expected_keys: Any) -> dict[str, Any]:
        inputs = torch.from_numpy(images).float().permute(0, 3, 1, 2).requires_grad_()
        (found,) = torch.autograd.grad(model(inputs)[:, label].sum(), inputs)
        return {expected_keys[0]: found.permute(0, 2, 3, 1).numpy()}

    for algorithm in ("fast", "full"):
        parameters = XRAIParameters(steps=10, algorithm=algorithm)
        image = values[0].permute(1, 2, 0).numpy()
        theirs = XRAI().GetMask(image, gradients, batch_size=10, extra_parameters=parameters)
        ours = scorer.explain([photo], method="xrai", n_steps=10, xrai_fast=algorithm == "fast")
        row(
            f"xrai, {algorithm}",
            "efficientnet-lite0",
            "saliency",
            ours[0].attributions[0].map,
            theirs,
        )
    scorer, model, values, label = prepared(str(write_network(folder / "resnet", "ResNet")))
    expected = GuidedBackprop(model).attribute(values.clone(), target=label)
    ours = scorer.explain([photo], method="guided_backprop")[0].attributions[0].values
    row("guided_backprop", "ResNet-50, random", "Captum", ours, expected[0].detach().numpy())
    layer = model.model.resnet.encoder.stages[-1]
    heat = LayerGradCam(model, layer).attribute(values, target=label, relu_attributions=True)
    heat = LayerAttribution.interpolate(heat, tuple(values.shape[2:]), "bilinear")
    ours = scorer.explain([photo], method="guided_gradcam")[0].attributions[0].values
    row(
        "guided_gradcam", "ResNet-50, random", "Captum", ours, (heat * expected)[0].detach().numpy()
    )
    print()


def print_speed(photo: Path, folder: Path, repeats: int) -> None:
    """Times of ViT-B/16 and of efficientnet-lite0."""
    from captum.attr import IntegratedGradients

    vit = str(write_network(folder / "vit", "ViT"))
    print("| | seconds | forward passes in torch |")
    print("|---|---|---|")
    for precision in ("fp32", "bf16"):
        scorer = tintype.Scorer.load(vit, runtime="torch", precision=precision)
        explainer, targets = scorer.explainer, Targets(scorer)
        pixels = explainer.pixels_of(photo)
        methods = {method.name: method for method in valid_methods(scorer.checkpoint)}
        given = ExplanationOptions()
        a_pass = seconds_of(lambda: scorer.run(pixels[None]), repeats)  # noqa: B023

        def row(name: str, seconds: float) -> None:
            print(f"| ViT-B/16, {name} | {seconds:.3f} | {seconds / a_pass:.1f} |")  # noqa: B023

        row(f"{precision}, one forward pass", a_pass)
        # As an endpoint does, which has scored the image already.
        outputs = scorer.run(pixels[None])[0]
        for name in ("attention", "attention_rollout", "guided_backprop"):
            call = partial(
                explainer.explain_pixels,
                pixels, methods[name], targets, (), given, outputs=outputs,
            )  # fmt: skip
            row(f"{precision}, {name}", seconds_of(call, repeats))
        for name in ("integrated_gradients", "xrai"):
            call = partial(explainer.explain_pixels, pixels, methods[name], targets, (), given)
            row(f"{precision}, {name}, 50 steps", seconds_of(call, 1))
    network = load_image_network(scorer.checkpoint, scorer.preprocessor, "logits")
    model = Logits(network.model)
    values = network.values_of(torch.from_numpy(pixels.copy())[None])
    captum = IntegratedGradients(model)
    row(
        "fp32, Captum's integrated gradients, its default",
        seconds_of(lambda: captum.attribute(values, target=0), 1),
    )
    by_step = partial(captum.attribute, values, target=0, internal_batch_size=1)
    row("fp32, Captum's integrated gradients, step by step", seconds_of(by_step, 1))
    print("\n| tintype/efficientnet-lite0, fp32 | seconds |")
    print("|---|---|")
    scorer = tintype.Scorer.load(MODEL, runtime="torch", precision="fp32")
    for fast in (True, False):
        call = partial(scorer.explain, [photo], method="xrai", xrai_fast=fast)
        print(f"| xrai, {'fast' if fast else 'full'}, 50 steps | {seconds_of(call, 1):.2f} |")
    print()


def write_network(folder: Path, kind: str) -> Path:
    """A network of transformers in its published size with random weights."""
    import transformers

    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = getattr(transformers, f"{kind}Config")(num_labels=1000)
        getattr(transformers, f"{kind}ForImageClassification")(config).save_pretrained(folder)
    transformers.ViTImageProcessor().save_pretrained(folder)
    return folder


def seconds_of(call: Callable[[], object], repeats: int) -> float:
    """The median, after one call that prepares."""
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


if __name__ == "__main__":
    main()
