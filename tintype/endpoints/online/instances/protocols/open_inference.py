"""KServe's Open Inference Protocol, version 2: `POST /v2/models/<name>/infer`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tintype.endpoints.online.calls import MODEL_VERSION, ScoreCall
from tintype.endpoints.online.instances.protocols.face import Limits, Rows
from tintype.schemas.open_inference import read_infer_request, write_infer_response
from tintype.schemas.wire import Style

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
        return Rows(request.score.images, request.score.texts, request)

    def write_probabilities(
        self,
        rows: Rows,
        probabilities: Sequence[np.ndarray],
        labels: Sequence[str],
        style: Style,
        *,
        model_name: str,
    ) -> bytes:
        """See `WireProtocol`."""
        return self._written(rows, {"probs": np.stack(probabilities), "labels": labels}, model_name)

    def write_embeddings(
        self,
        rows: Rows,
        images: Sequence[np.ndarray] | None,
        texts: Sequence[np.ndarray] | None,
        *,
        model_name: str,
    ) -> bytes:
        """See `WireProtocol`."""
        tensors = {
            "image_features": None if images is None else np.stack(images),
            "text_features": None if texts is None else np.stack(texts),
        }
        return self._written(rows, tensors, model_name)

    def _written(
        self, rows: Rows, tensors: Mapping[str, np.ndarray | Sequence[str] | None], model_name: str
    ) -> bytes:
        return write_infer_response(
            rows.request, tensors, model_name=model_name, model_version=MODEL_VERSION
        )
