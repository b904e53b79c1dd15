"""`data_collector` of an online deployment: what is kept of the pictures it is asked about.

Source of Azure's keys: the online deployment YAML schema and "Collect production data from models deployed
for real-time inferencing" of Azure Machine Learning's documentation.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from tintype.schemas.document import StrictModel
from tintype.schemas.endpoint_parts import Whole

__all__ = ["Collection", "DataCollector", "KeptPicture"]

KeptPicture = Literal["original", "thumbnail", "none"]
"""A picture's bytes as they were sent, smaller, or not at all."""

_MOST_DAYS = 3650

_WITHOUT_EFFECT = {
    "request": "model_inputs and model_outputs are what is recorded",
    "response": "model_inputs and model_outputs are what is recorded",
}


class Collection(StrictModel):
    """One of `collections`."""

    enabled: bool = False
    """Whether it is recorded."""

    sampling_rate: float | None = Field(None, ge=0, le=1)
    """Share of requests that are recorded. None: that of the whole collector."""

    data: Any = None
    """Azure's data asset and its place; no effect here: it lies in the workspace."""

    client_id: Any = None
    """No effect here."""


class DataCollector(StrictModel):
    """`data_collector`: pictures and answers, for labelling and for looking after the model."""

    collections: dict[str, Collection] = Field(default_factory=dict)
    """`model_inputs`: pictures. `model_outputs`: labels and probabilities. Others have no effect here."""

    sampling_rate: float = Field(1.0, ge=0, le=1)
    """Share of requests that are recorded, where a collection does not say it."""

    rolling_rate: Literal["year", "month", "day", "hour", "minute"] = "hour"
    """Time that a file of rows covers. A day at most: what grows too old is deleted by files."""

    request_logging: Any = None
    """No effect here: headers are not recorded."""

    picture: KeptPicture = "original"
    """Beyond Azure's: what is kept of a picture where `model_inputs` is recorded."""

    embedding: bool = False
    """Beyond Azure's: the model's image features are recorded with its answers. Only of models whose answers are
    made of them: embeddings and zero-shot classification."""

    keep_days: Whole = Field(30, ge=1, le=_MOST_DAYS)
    """Beyond Azure's: what is older is deleted."""

    keep_bytes: Whole = Field(2_000_000_000, ge=1_000_000)
    """Beyond Azure's: of what is more, the oldest is deleted."""

    @model_validator(mode="before")
    @classmethod
    def _off(cls, value: Any) -> Any:
        # `data_collector:` with nothing under it.
        return {} if value is None else value

    @model_validator(mode="after")
    def _has_answers(self) -> Self:
        if self.embedding and not self.outputs_rate:
            raise ValueError(
                "embedding is recorded with the answers; enable collections.model_outputs too"
            )
        return self

    @property
    def inputs_rate(self) -> float:
        """Share of requests whose pictures are recorded."""
        return 0.0 if self.picture == "none" else self._rate("model_inputs")

    @property
    def outputs_rate(self) -> float:
        """Share of requests whose answers are recorded."""
        return self._rate("model_outputs")

    @property
    def keeping(self) -> dict[str, Any]:
        """What the process that writes has to know, JSON-able."""
        period = "day" if self.rolling_rate in ("year", "month") else self.rolling_rate
        return {
            "picture": self.picture,
            "period": period,
            "keep_days": self.keep_days,
            "keep_bytes": self.keep_bytes,
        }

    def notices(self) -> list[str]:
        """One sentence for everything that was asked for and has no effect here."""
        long = self.rolling_rate in ("year", "month")
        rolled = f"data_collector.rolling_rate {self.rolling_rate}: a file covers a day at most"
        return [rolled] * long + [
            f"data_collector.collections.{name} has no effect here: "
            f"{_WITHOUT_EFFECT.get(name, 'a scoring script of its own would record it')}"
            for name, collection in self.collections.items()
            if collection.enabled and name not in ("model_inputs", "model_outputs")
        ]

    def _rate(self, name: str) -> float:
        collection = self.collections.get(name)
        if collection is None or not collection.enabled:
            return 0.0
        rate = collection.sampling_rate
        return self.sampling_rate if rate is None else rate
