"""Our Scorer without a server, in a process of its own; called by serving.py.

    python in_process.py FOLDER LABELS IMAGE...

LABELS is a JSON list, or null. Reads a command and a number of seconds a line and answers each with
a line of JSON: `throughput S` gives images a second, decoding included; `latency S` the seconds of
each call with one image; `scores 0` label -> probability of the first image.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def main(folder: str, labels: list[str] | None, images: list[bytes]) -> None:
    """Answer commands until the end of the input."""
    from tintype.scoring import Scorer

    scorer = Scorer.load(folder, runtime="auto", precision="auto")

    def throughput(seconds: float) -> float:
        begun, count = time.perf_counter(), 0

        def unending() -> Iterator[bytes]:
            for image in itertools.cycle(images):
                if time.perf_counter() > begun + seconds:
                    return
                yield image

        for _ in scorer.stream(unending(), labels=labels):
            count += 1
        return count / (time.perf_counter() - begun)

    def latency(seconds: float) -> list[float]:
        begun, found = time.perf_counter(), []
        for image in itertools.cycle(images):
            start = time.perf_counter()
            if start > begun + seconds:
                break
            scorer.predict([image], labels=labels)
            found.append(time.perf_counter() - start)
        return found

    def scores(_: float) -> dict[str, float]:
        found = scorer.predict(images[:1], labels=labels)[0]
        return {label: float(score) for label, score in zip(found.labels, found.probs, strict=True)}

    commands: dict[str, Any] = {"throughput": throughput, "latency": latency, "scores": scores}
    for line in sys.stdin:
        command, seconds = line.split()
        print(json.dumps(commands[command](float(seconds))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), [Path(path).read_bytes() for path in sys.argv[3:]])
