"""Ray Serve with `@serve.batch`, in the shape of its documents on dynamic request batching.

python ray_app.py FOLDER KIND PORT
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import ray
from ray import serve
from starlette.requests import Request

_CORES = len(os.sched_getaffinity(0))


# Ray gives a replica as many threads for arithmetic as CPUs, and by default passes on only five
# requests at a time: fewer than a batch holds.
@serve.deployment(max_ongoing_requests=100, ray_actor_options={"num_cpus": _CORES})
class ImageClassifier:
    """One request is one image; a batch is answered by one call of the model."""

    def __init__(self, folder: str, kind: str) -> None:
        from models import open_model

        self._model = open_model(Path(folder), kind)

    @serve.batch(max_batch_size=32, batch_wait_timeout_s=0.05)
    async def classify(self, requests: list[dict[str, Any]]) -> list[Any]:
        """An answer for each request."""
        from models import answer_all

        images = [self._model.prepare(request["image"]) for request in requests]
        return answer_all(self._model, images, [request.get("labels") for request in requests])

    async def __call__(self, request: Request) -> Any:
        """Answer one HTTP request."""
        return await self.classify(await request.json())


def main(folder: str, kind: str, port: int) -> None:
    """Serve POST /predict until SIGTERM."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    here = str(Path(__file__).parent)
    ray.init(
        num_cpus=_CORES,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": here}},
    )
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    application: Any = ImageClassifier
    serve.run(application.bind(folder, kind), route_prefix="/predict")
    ended.wait()
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
