"""Twenty thousand damaged images: each is decoded or refused, in time, and memory stays where it is."""

from __future__ import annotations

import time
import warnings

import psutil
from mutations import mutated

from tintype.errors import ImageError
from tintype.images.loading import pixels_of
from tintype.images.preprocess import Preprocessor


def test_no_crash_no_hang_no_growth() -> None:
    preprocessor = Preprocessor(
        {"do_resize": True, "size": {"height": 64, "width": 64}, "resample": 3}, (64, 64)
    )
    process = psutil.Process()
    decoded = refused = 0
    settled = 0
    for number in range(20_000):
        if number == 4000:
            settled = process.memory_info().rss
        data = mutated(number)
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for exact in (True, False):
                try:
                    assert pixels_of(data, preprocessor, exact=exact).shape == (64, 64, 3)
                    decoded += 1
                except ImageError:
                    refused += 1
        assert time.process_time() - start < 5, number
    assert process.memory_info().rss - settled < 60 * 2**20
    # Both happen often, or the mutations would test little.
    assert decoded > 2000
    assert refused > 2000
