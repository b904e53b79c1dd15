"""Mutated images through decoding and resizing: no crash, no hang, no growth.

    ./run bench fuzz_images [--images 20000]

Each image goes through both paths (exact and fast) in this process, under the limits of the
settings. Ends with 1 when anything but an ImageError comes out, one image takes over five seconds,
or memory grows. Prints what happened.
"""

from __future__ import annotations

import argparse
import faulthandler
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from machine import machine
from mutations import mutated, seeds

SLOWEST_S = 5.0
MOST_GROWTH_MB = 100.0


def main() -> None:
    """Run the images and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first mutation")
    options = parser.parse_args()
    faulthandler.enable()
    import warnings

    import psutil

    from tintype.errors import ImageError
    from tintype.images.loading import pixels_of
    from tintype.images.preprocess import Preprocessor

    warnings.simplefilter("ignore")
    preprocessor = Preprocessor(
        {"do_resize": True, "size": {"height": 224, "width": 224}, "resample": 3}, (224, 224)
    )
    process = psutil.Process()
    decoded = refused = 0
    times, wrong = [], []
    settled = 0.0
    for count in range(options.images):
        data = mutated(options.first + count)
        start = time.perf_counter()
        for exact in (True, False):
            try:
                pixels = pixels_of(data, preprocessor, exact=exact)
                assert pixels.shape == (224, 224, 3)
                decoded += 1
            except ImageError:
                refused += 1
            except Exception as error:
                wrong.append(f"mutation {options.first + count}: {type(error).__name__}: {error}")
        times.append(time.perf_counter() - start)
        if times[-1] > SLOWEST_S:
            wrong.append(f"mutation {options.first + count}: {times[-1]:.1f} s")
        if count == min(2000, options.images // 2):
            # Decoders' own tables and the allocator's pools are full by now.
            settled = process.memory_info().rss / 2**20
    growth = process.memory_info().rss / 2**20 - settled
    if growth > MOST_GROWTH_MB:
        wrong.append(f"memory grew by {growth:.0f} MB")
    print(f"Machine: {machine()}\n")
    print(
        f"{options.images} mutations of {len(seeds())} images, each by both paths: {decoded} decoded, "
        f"{refused} refused, {len(wrong)} wrong; median {statistics.median(times) * 1e3:.1f} ms, slowest "
        f"{max(times):.2f} s, memory {growth:+.1f} MB after the first 2,000."
    )
    print("\n".join(wrong[:20]))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
