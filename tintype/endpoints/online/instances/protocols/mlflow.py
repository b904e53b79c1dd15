"""MLflow's protocol: `POST /invocations`."""

from __future__ import annotations

from functools import partial

from tintype.endpoints.online.calls import ScoreCall
from tintype.endpoints.online.instances.csv_apart import csv_rows_apart, is_long_csv
from tintype.endpoints.online.instances.protocols.face import (
    Features,
    Limits,
    Probabilities,
    Rows,
    with_errors,
    with_explanations,
)
from tintype.schemas.csv_rows import csv_rows
from tintype.schemas.mlflow_protocol import read_invocation, write_predictions
from tintype.schemas.wire import write_answer, write_embeddings

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
            read_csv=partial(csv_rows_apart, timeout_s=call.timeout_s)
            if is_long_csv(call)
            else csv_rows,
        )
        return Rows(request.images, request.texts, explanations=request.explanations)

    def write_probabilities(self, rows: Rows, answer: Probabilities, model_name: str) -> bytes:
        """See `WireProtocol`."""
        written = write_answer(answer.rows, answer.labels, answer.style)
        return write_predictions(
            with_explanations(with_errors(written, rows.errors), answer.explained)
        )

    def write_features(self, rows: Rows, answer: Features, model_name: str) -> bytes:
        """See `WireProtocol`."""
        return write_predictions(
            with_errors(write_embeddings(answer.images, answer.texts), rows.errors)
        )
