"""The wire protocols: one file each, with a face that reads calls and one that writes answers."""

from __future__ import annotations

from tintype.endpoints.online.calls import Protocol
from tintype.endpoints.online.instances.protocols.azure import AzureProtocol
from tintype.endpoints.online.instances.protocols.face import WireProtocol
from tintype.endpoints.online.instances.protocols.mlflow import MlflowProtocol
from tintype.endpoints.online.instances.protocols.open_inference import OpenInferenceProtocol

__all__ = ["PROTOCOLS"]

PROTOCOLS: dict[Protocol, WireProtocol] = {
    "score": AzureProtocol(),
    "invocations": MlflowProtocol(),
    "infer": OpenInferenceProtocol(),
}
