"""MLflow's protocol: `POST /invocations`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tintype.endpoints.online.calls import ScoreCall
from tintype.endpoints.online.instances.protocols.face import Limits, Rows, with_errors
from tintype.schemas.mlflow_protocol import read_invocation, write_predictions
from tintype.schemas.wire import Style, write_answer, write_embeddings

__all__ = ["MlflowProtocol"]


class MlflowProtocol:
    """See `WireProtocol`."""

    has_styles = True

    def read(self, call: ScoreCall, limits: Limits) -> Rows:
        """See `WireProtocol`."""
        request = read_invocation(
            call.body,
            call.content_type,
            max_rows=limits.max_rows,
            images_required=limits.images_required,
        )
        return Rows(request.images, request.texts)

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
        answer = write_answer(probabilities, labels, style)
        return write_predictions(with_errors(answer, rows.errors))

    def write_embeddings(
        self,
        rows: Rows,
        images: Sequence[np.ndarray] | None,
        texts: Sequence[np.ndarray] | None,
        *,
        model_name: str,
    ) -> bytes:
        """See `WireProtocol`."""
        return write_predictions(with_errors(write_embeddings(images, texts), rows.errors))
