"""LitServe with batching, in the shape of its guide "Speed up serving by 200x".

    python litserve_app.py FOLDER KIND PORT

As there, images are decoded in a pool of threads inside `batch`, for all of a batch at once.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import litserve
from models import answer_all, open_model

# Longer than its guide's 0.01 s: with 32 clients that wait for one another's batch this fills
# batches, and throughput at 32 connections is what peers are compared by.
_BATCH_TIMEOUT = 0.05


class ImageClassifier(litserve.LitAPI):
    """One request is one image; a batch is answered by one call of the model."""

    def __init__(self, folder: Path, kind: str, **batching: Any) -> None:
        super().__init__(**batching)
        self._folder = folder
        self._kind = kind

    def setup(self, device: str) -> None:
        """Load the model, in the worker's process."""
        self._model = open_model(self._folder, self._kind)
        self._pool = ThreadPoolExecutor(os.cpu_count())

    def decode_request(self, request) -> dict[str, Any]:  # type: ignore[no-untyped-def]
        """The request as it is.

        Neither it nor the response is annotated: LitServe takes annotations for schemas.
        """
        return request

    def batch(self, inputs: list[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
        """Images ready for the model, and the labels of each."""
        images = list(self._pool.map(self._model.prepare, [each["image"] for each in inputs]))
        return images, [each.get("labels") for each in inputs]

    def predict(self, batch: tuple[list[Any], list[Any]]) -> list[Any]:
        """An answer for each image."""
        return answer_all(self._model, *batch)

    def unbatch(self, output: list[Any]) -> list[Any]:
        """Already one answer each."""
        return output

    def encode_response(self, output):  # type: ignore[no-untyped-def]
        """What is sent."""
        return {"output": output}


if __name__ == "__main__":
    api = ImageClassifier(
        Path(sys.argv[1]), sys.argv[2], max_batch_size=32, batch_timeout=_BATCH_TIMEOUT
    )
    server = litserve.LitServer(api, accelerator="cpu", timeout=60)
    server.run(host="127.0.0.1", port=int(sys.argv[3]), generate_client_file=False)
