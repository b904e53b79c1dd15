"""KServe's Open Inference Protocol, version 2: `POST /v2/models/<name>/infer`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tintype.endpoints.online.calls import MODEL_VERSION, ScoreCall
from tintype.endpoints.online.instances.protocols.face import Features, Limits, Probabilities, Rows
from tintype.errors import RequestError
from tintype.schemas.open_inference import read_infer_request, write_infer_response

__all__ = ["OpenInferenceProtocol"]


class OpenInferenceProtocol:
    """See `WireProtocol`."""

    has_styles = False
    """Its tensors have one row an image: there is no place for another kind of answer."""

    def read(self, call: ScoreCall, limits: Limits) -> Rows:
        """See `WireProtocol`."""
        request = read_infer_request(
            call.body, max_rows=limits.max_rows, images_required=limits.images_required
        )
        if request.score.explanations:
            raise RequestError("explanations are asked of POST /score and POST /invocations")
        return Rows(request.score.images, request.score.texts, request)

    def write_probabilities(self, rows: Rows, answer: Probabilities, model_name: str) -> bytes:
        """See `WireProtocol`."""
        tensors: dict[str, np.ndarray | Sequence[str]] = {
            "probs": np.stack(answer.rows),
            "labels": answer.labels,
        }
        return self._written(rows, tensors, model_name)

    def write_features(self, rows: Rows, answer: Features, model_name: str) -> bytes:
        """See `WireProtocol`."""
        tensors = {
            "image_features": None if answer.images is None else np.stack(answer.images),
            "text_features": None if answer.texts is None else np.stack(answer.texts),
        }
        return self._written(rows, tensors, model_name)

    def _written(
        self, rows: Rows, tensors: Mapping[str, np.ndarray | Sequence[str] | None], model_name: str
    ) -> bytes:
        return write_infer_response(
            rows.request, tensors, model_name=model_name, model_version=MODEL_VERSION
        )
