"""A workspace with a deployment that has collected pictures, for tests of monitors: records and files, no server."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pictures import encoded, striped

from tintype.schemas.document import Document
from tintype.schemas.monitor import MonitorDocument, read_monitor
from tintype.scoring.scorer import Scorer
from tintype.workspace.collected import CollectedRow, collected_folder, write_picture, write_rows
from tintype.workspace.endpoints import DeploymentRecord, EndpointRecord, EndpointStore
from tintype.workspace.monitors import MonitorStore

BOTH = {"collections": {"model_inputs": {"enabled": True}, "model_outputs": {"enabled": True}}}
START = datetime.datetime(2026, 11, 2, 8, tzinfo=datetime.UTC)
NAMES = ("can", "carton", "jug")


def picture(seed: int, light: float = 0.0) -> bytes:
    """Stripes of one of three kinds, by `seed`, made lighter by so many grey levels."""
    pixels = striped(seed % 3, seed).astype(float) + light
    return encoded(pixels.clip(0, 255).astype(np.uint8))


@dataclass
class Watched:
    """The deployment pets/blue of the small model for can, carton and jug."""

    model: Path
    folder: Path
    """For files of the test."""
    collector: dict[str, Any] = field(default_factory=lambda: dict(BOTH))
    moment: datetime.datetime = START
    files: int = 0

    def __post_init__(self) -> None:
        store = EndpointStore()
        store.save(EndpointRecord("pets", {"name": "pets"}, {}))
        document = {
            "name": "blue",
            "endpoint_name": "pets",
            "model": str(self.model),
            "data_collector": self.collector,
        }
        store.save(DeploymentRecord("pets", "blue", document, str(self.model)))
        self.scorer = Scorer.load(self.model)

    def baseline(
        self, seeds: Sequence[int], label: Callable[[int, str], str] | None = None
    ) -> Path:
        """Class folders of the pictures of `seeds`, labelled as the model answers, or as `label` says of the seed
        and that."""
        root = self.folder / "baseline"
        for seed, content in zip(seeds, map(picture, seeds), strict=True):
            answer = self.answer(content)[0]
            name = answer if label is None else label(seed, answer)
            (root / name).mkdir(parents=True, exist_ok=True)
            (root / name / f"{seed}.png").write_bytes(content)
        return root

    def answer(self, content: bytes) -> tuple[str, float]:
        """The likeliest label and its score."""
        ((label, score),) = self.scorer.predict([content])[0].top(1)
        return label, score

    def collect(self, contents: Sequence[bytes], *, pictures: bool = True) -> list[CollectedRow]:
        """Record a request for each picture, a second apart."""
        folder = collected_folder("pets", "blue")
        rows = []
        for content in contents:
            self.moment += datetime.timedelta(seconds=1)
            label, score = self.answer(content)
            rows.append(
                CollectedRow(
                    time=self.moment,
                    request_id=f"request-{self.moment:%H%M%S}",
                    row=0,
                    endpoint="pets",
                    deployment="blue",
                    latency_ms=3.0,
                    picture=write_picture(folder, content, ".png") if pictures else None,
                    label=label,
                    score=score,
                    labels=NAMES,
                    probabilities=[0.0, 0.0, 0.0],
                )
            )
        self.files += 1
        write_rows(folder, rows, self.files)
        return rows

    def monitor(self, embedding_model: Path, **more: Any) -> MonitorDocument:
        """A monitor of it, in the workspace."""
        document = {
            "name": "watch",
            "endpoint": "pets",
            "baseline": str(self.folder / "baseline"),
            "embedding_model": str(embedding_model),
            "window": {"least_pictures": 20},
            **more,
        }
        monitor = read_monitor(Document(document), self.folder)
        MonitorStore().create(monitor)
        return monitor
