"""Do monitors see drift, and do they hold their peace without one?

    ./run bench monitoring [--windows 200] [--powers 20] [--sizes 100 500 1000] [--parts speed false-alarms ...]
        [--work FOLDER]

Real photos of clothes, real weights. In each repetition 500 photos are drawn as the baseline and others as a window, so that
nothing but chance parts them; the window is then left as it is, damaged as by Hendrycks & Dietterich 2019 (their levels 1 to
5), or mixed with a kind of clothes that neither the baseline nor the model knows. What is counted is the monitor's own alarm, over
all signals together. Answers are of linear heads that have not seen the photo (five folds). Prints Markdown for RESULTS.md; what was
computed of damaged photos is kept in --work.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from machine import machine
from photo_sets import REAL
from PIL import Image, ImageFilter
from sklearn.linear_model import LogisticRegression

from tintype.monitoring.embedding_drift import mmd_test
from tintype.monitoring.estimated_accuracy import estimate_accuracy
from tintype.monitoring.samples import Answers, Sample, look_at
from tintype.monitoring.signals import Different, compare, different_pictures

MODEL = "tintype/efficientnet-lite0"
BASELINE = 500
FOLDS = 5
NEW_KIND = "shoes"
LEVEL = 0.05
TESTED = ("embedding_drift", "image_statistics", "label_drift", "confidence_drift")
BURST = 10  # pictures of one scene

PARTS = ("speed", "false-alarms", "bursts", "new-kind", "damages", "estimates")

Damage = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def _blur(level: int) -> Damage:
    sigma = (1, 2, 3, 4, 6)[level - 1]

    def damage(pixels: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(sigma)))

    return damage


def _brightness(level: int) -> Damage:
    more = (0.1, 0.2, 0.3, 0.4, 0.5)[level - 1]

    def damage(pixels: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        hsv = np.asarray(Image.fromarray(pixels).convert("HSV")).astype(float)
        hsv[..., 2] = (hsv[..., 2] + 255 * more).clip(0, 255)
        return np.asarray(Image.fromarray(hsv.astype(np.uint8), "HSV").convert("RGB"))

    return damage


def _contrast(level: int) -> Damage:
    share = (0.4, 0.3, 0.2, 0.1, 0.05)[level - 1]

    def damage(pixels: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        mean = pixels.mean((0, 1), keepdims=True)
        return ((pixels - mean) * share + mean).clip(0, 255).astype(np.uint8)

    return damage


def _noise(level: int) -> Damage:
    deviation = (0.08, 0.12, 0.18, 0.26, 0.38)[level - 1]

    def damage(pixels: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        noisy = pixels + draw.normal(0, 255 * deviation, pixels.shape)
        return noisy.clip(0, 255).astype(np.uint8)

    return damage


def _jpeg(level: int) -> Damage:
    quality = (25, 18, 15, 10, 7)[level - 1]

    def damage(pixels: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
        return np.asarray(Image.open(stream))

    return damage


DAMAGES = {
    "blur": _blur,
    "brightness": _brightness,
    "contrast": _contrast,
    "noise": _noise,
    "JPEG": _jpeg,
}


@dataclass(frozen=True)
class Photos:
    """All photos, what is known of them, and of damaged copies."""

    paths: list[str]
    names: np.ndarray
    """Kinds of clothes, str (n,)."""
    work: Path

    @classmethod
    def read(cls, work: Path) -> Photos:
        """The photos at hand."""
        paths = sorted((REAL / "clothing").glob("*/*/*.jpg"))
        return cls(
            [str(path) for path in paths], np.array([path.parent.name for path in paths]), work
        )

    def sample(self) -> Sample:
        """Of all photos, without answers."""
        return self.looked_at("clean", self.paths)

    def damaged(self, damage: str, level: int, rows: np.ndarray) -> Sample:
        """Of damaged copies of some photos, without answers."""
        return self.looked_at(
            f"{damage}-{level}-{len(rows)}",
            [self.paths[row] for row in rows],
            lambda pixels, row: DAMAGES[damage](level)(pixels, np.random.default_rng(row)),
        )

    def looked_at(
        self,
        name: str,
        paths: Sequence[str],
        change: Callable[[np.ndarray, int], np.ndarray] | None = None,
    ) -> Sample:
        """What monitors compute of pictures, kept under `name`."""
        file = self.work / f"{name}.npz"
        if not file.exists():
            with tempfile.TemporaryDirectory() as folder:
                places = list(paths)
                if change is not None:
                    places = [f"{folder}/{row}.png" for row in range(len(paths))]
                    for row, (source, place) in enumerate(zip(paths, places, strict=True)):
                        pixels = np.asarray(Image.open(source).convert("RGB"))
                        changed = Image.fromarray(change(pixels, row))
                        changed.save(place, compress_level=1)
                found = look_at(places, _no_answers(len(places)), MODEL)
            part = self.work / f".{name}.npz"
            np.savez(
                part,
                statistics=found.statistics,
                greys=found.greys,
                embeddings=found.embeddings,
            )
            part.replace(file)
            print(f"<!-- {name}: {len(places)} photos -->", flush=True)
        kept = np.load(file)
        return Sample(
            tuple(paths),
            _no_answers(len(paths)),
            kept["statistics"],
            kept["greys"],
            kept["embeddings"],
        )


def _no_answers(rows: int) -> Answers:
    unknown = np.full(rows, -1, np.int64)
    return Answers((), unknown, np.full(rows, np.nan), unknown)


class Heads:
    """Linear heads of five folds, which answer for photos that they have not seen."""

    def __init__(self, embeddings: np.ndarray, names: np.ndarray) -> None:
        self.classes = tuple(sorted(set(names.tolist())))
        self.folds = np.random.default_rng(0).integers(FOLDS, size=len(names))
        codes = np.array([self.classes.index(name) for name in names])
        self.heads = [
            LogisticRegression(C=30, max_iter=500).fit(
                embeddings[self.folds != fold], codes[self.folds != fold]
            )
            for fold in range(FOLDS)
        ]

    def answered(self, sample: Sample, names: np.ndarray, folds: np.ndarray) -> Sample:
        """`sample` with answers, of which those to labels that the heads do not know are wrong."""
        probabilities = np.zeros((len(sample), len(self.classes)))
        for fold, head in enumerate(self.heads):
            rows = folds == fold
            if rows.any():
                probabilities[rows] = head.predict_proba(sample.embeddings[rows])
        codes = probabilities.argmax(1)
        right = np.array([self.classes[code] for code in codes]) == names
        answers = Answers(self.classes, codes, probabilities.max(1), right.astype(np.int64))
        return replace(sample, answers=answers)


def joined(first: Sample, second: Sample) -> Sample:
    """Rows of both, one after the other."""
    one, two = first.answers, second.answers
    answers = Answers(
        one.classes,
        np.concatenate([one.codes, two.codes]),
        np.concatenate([one.confidences, two.confidences]),
        np.concatenate([one.right, two.right]),
    )
    return Sample(
        (*first.locations, *second.locations),
        answers,
        np.concatenate([first.statistics, second.statistics]),
        np.concatenate([first.greys, second.greys]),
        np.concatenate([first.embeddings, second.embeddings]),
    )


def alarmed(baseline: Sample, window: Sample, seed: int, *, repeated: bool = False) -> set[str]:
    """Signals that count in a window.

    Args:
        repeated: near-duplicates are left in it, as a plain test of two samples would.
    """
    sides = Different(baseline, window, 0) if repeated else different_pictures(baseline, window)
    tests = compare(sides, np.zeros(0, np.int64), TESTED, LEVEL, seed=seed).tests
    return {test.signal for test in tests if test.drifted}


def _shares(found: Sequence[set[str]]) -> str:
    """Cells: of any signal, and of each."""
    counts = Counter(signal for each in found for signal in each)
    every = sum(bool(each) for each in found)
    shares = [every, *(counts[name] for name in TESTED)]
    return " | ".join(f"{share / len(found):.3f}" for share in shares)


_HEAD = (
    "| window | pictures | any signal | embeddings | image statistics | labels | confidence |\n"
    "|---|---|---|---|---|---|---|"
)


def false_alarms(clean: Sample, sizes: Sequence[int], windows: int) -> None:
    """Over windows without drift."""
    print(f"\nFalse alarms, {windows} windows without drift, level {LEVEL}:\n\n{_HEAD}")
    for size in sizes:
        found = []
        for seed in range(windows):
            rows = np.random.default_rng([1, size, seed]).permutation(len(clean))
            base, new = rows[:BASELINE], rows[BASELINE : BASELINE + size]
            found.append(alarmed(clean.take(base), clean.take(new), seed))
        print(f"| as the baseline | {size} | {_shares(found)} |", flush=True)


def bursts(clean: Sample, photos: Photos, heads: Heads, windows: int) -> None:
    """Half of a window are scenes that come ten times, saved anew each time."""
    print(f"\nFalse alarms, {windows} windows with bursts, level {LEVEL}:\n\n{_HEAD}")
    scenes = np.random.default_rng(2).permutation(len(clean))[:60]
    paths = [photos.paths[row] for row in np.repeat(scenes, BURST)]

    def saved_again(pixels: np.ndarray, row: int) -> np.ndarray:
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG", quality=70 + 2 * (row % BURST))
        return np.asarray(Image.open(stream))

    again = photos.looked_at("bursts", paths, saved_again)
    origins = np.repeat(scenes, BURST)
    again = heads.answered(again, photos.names[origins], heads.folds[origins])
    others = np.setdiff1d(np.arange(len(clean)), scenes)
    for title, repeated in (
        ("half of it bursts of ten", False),
        ("the same, repeats not left out", True),
    ):
        found = []
        for seed in range(windows):
            draw = np.random.default_rng([3, seed])
            rows = draw.permutation(others)
            drawn = draw.choice(60, 10, replace=False)
            burst = again.take(
                np.concatenate([np.arange(BURST) + BURST * scene for scene in drawn])
            )
            base, new = clean.take(rows[:BASELINE]), clean.take(rows[BASELINE : BASELINE + 100])
            found.append(alarmed(base, joined(new, burst), seed, repeated=repeated))
        print(f"| {title} | 200 | {_shares(found)} |", flush=True)


def powers(
    clean: Sample,
    photos: Photos,
    heads: Heads,
    sizes: Sequence[int],
    windows: int,
) -> None:
    """Over damaged windows, which are drawn of a pool, so that the others need not be damaged."""
    pool, others = parted(len(clean), max(sizes))
    print(f"\nAlarms where photos are damaged, {windows} windows a row:\n\n{_HEAD}")
    for level, share in ((1, 1.0), (3, 0.2)):
        for damage in DAMAGES:
            damaged = photos.damaged(damage, level, pool)
            damaged = heads.answered(damaged, photos.names[pool], heads.folds[pool])
            for size in sizes:
                found = []
                for seed in range(windows):
                    draw = np.random.default_rng([4, size, seed])
                    base, new = (
                        draw.permutation(others)[:BASELINE],
                        draw.permutation(len(pool))[:size],
                    )
                    cut = round(share * size)
                    window = joined(damaged.take(new[:cut]), clean.take(pool[new[cut:]]))
                    found.append(alarmed(clean.take(base), window, seed))
                title = f"{damage}, level {level}" + ("" if share == 1 else f", {share:.0%} of it")
                print(f"| {title} | {size} | {_shares(found)} |", flush=True)


def parted(photos: int, largest: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the pool of windows, a fifth more than the largest window, and the others."""
    rows = np.random.default_rng(8).permutation(photos)
    cut = min(round(1.2 * largest), photos - BASELINE)
    return rows[:cut], rows[cut:]


def new_kind(clean: Sample, photos: Photos, sizes: Sequence[int], windows: int) -> None:
    """A kind of clothes that the baseline and the model lack."""
    print(f"\nAlarms where a kind of clothes is new, {windows} windows a row:\n\n{_HEAD}")
    known = np.flatnonzero(photos.names != NEW_KIND)
    fresh = np.flatnonzero(photos.names == NEW_KIND)
    heads = Heads(clean.embeddings[known], photos.names[known])
    old = heads.answered(clean.take(known), photos.names[known], heads.folds)
    new = heads.answered(clean.take(fresh), photos.names[fresh], np.arange(len(fresh)) % FOLDS)
    for share in (0.05, 0.1, 0.2):
        for size in sizes:
            cut = round(share * size)
            if cut > len(fresh):
                continue
            found = []
            for seed in range(windows):
                draw = np.random.default_rng([5, size, seed])
                rows, others = draw.permutation(len(known)), draw.permutation(len(fresh))
                base = old.take(rows[:BASELINE])
                rest = old.take(rows[BASELINE : BASELINE + size - cut])
                found.append(alarmed(base, joined(rest, new.take(others[:cut])), seed))
            print(f"| {share:.0%} {NEW_KIND}, new | {size} | {_shares(found)} |", flush=True)


def estimates(clean: Sample, photos: Photos, heads: Heads, largest: int) -> None:
    """Estimated beside true accuracy, of all photos of the pool."""
    pool, others = parted(len(clean), largest)
    print(f"\nAccuracy without labels of {len(pool):,} photos, beside the true one:\n")
    print("| window | true | ATC | DoC |\n|---|---|---|---|")
    base = clean.take(others[:BASELINE]).answers
    cases = [("as the baseline", clean.take(pool))]
    for level in (1, 3):
        for damage in DAMAGES:
            sample = photos.damaged(damage, level, pool)
            answered = heads.answered(sample, photos.names[pool], heads.folds[pool])
            cases.append((f"{damage}, level {level}", answered))
    for title, sample in cases:
        answers = sample.answers
        found = estimate_accuracy(base.confidences, base.right == 1, answers.confidences)
        cells = [f"{each.value:.3f} ({each.low:.3f} to {each.high:.3f})" for each in found.values()]
        print(f"| {title} | {answers.right.mean():.3f} | {' | '.join(cells)} |", flush=True)


def speed() -> None:
    """One test of the size that monitors allow most often."""
    draw = np.random.default_rng(7)
    rows = draw.normal(size=(2_000, 1_280)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        mmd_test(rows[:1_000], rows[1_000:], permutations=1_000)
        seconds.append(time.perf_counter() - begun)
    print(f"\nMMD, 1,000 by 1,000 of 1,280 numbers, 1,000 permutations: {min(seconds):.2f} s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=200)
    parser.add_argument("--powers", type=int, default=20)
    parser.add_argument("--sizes", type=int, nargs="*", default=[100, 500, 1_000])
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "monitoring")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    os.environ["TINTYPE_HOME"] = str(options.work / "home")
    photos = Photos.read(options.work)
    if not photos.paths:
        print(f"the photos are not at hand: {REAL / 'clothing'}")
        return
    print(f"Machine: {machine()}\n")
    print(f"{len(photos.paths):,} photos, {MODEL}, baseline {BASELINE}")
    clean = photos.sample()
    heads = Heads(clean.embeddings, photos.names)
    clean = heads.answered(clean, photos.names, heads.folds)
    print(f"accuracy of the heads on photos they have not seen: {clean.answers.right.mean():.3f}")
    if "speed" in options.parts:
        speed()
    if "false-alarms" in options.parts:
        false_alarms(clean, options.sizes, options.windows)
    if "bursts" in options.parts:
        bursts(clean, photos, heads, options.windows)
    if "new-kind" in options.parts:
        new_kind(clean, photos, options.sizes, options.powers)
    if "damages" in options.parts:
        powers(clean, photos, heads, options.sizes, options.powers)
    if "estimates" in options.parts:
        estimates(clean, photos, heads, max(options.sizes))


if __name__ == "__main__":
    main()
