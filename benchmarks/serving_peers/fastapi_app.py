"""A plain FastAPI application around a model: one request, one call.

python fastapi_app.py FOLDER KIND PORT
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from models import answer_all, open_model


def main(folder: Path, kind: str, port: int) -> None:
    """Serve POST /predict until it is stopped."""
    model = open_model(folder, kind)
    app = FastAPI()

    # Not async: FastAPI runs it in its pool of threads, as its documents advise for blocking work.
    @app.post("/predict")
    def predict(request: dict[str, Any]) -> list[dict[str, Any]]:
        return answer_all(model, [model.prepare(request["image"])], [request.get("labels")])[0]

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
