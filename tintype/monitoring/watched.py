"""What a monitor watches: an endpoint's deployment, its model, and what of it is collected."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tintype.errors import UsageError
from tintype.models.model_folder import is_model_folder, open_model_folder
from tintype.schemas.monitor import MonitorDocument
from tintype.schemas.online_deployment import OnlineDeploymentDocument, stored_deployment
from tintype.schemas.task import CLASSIFICATION_TASKS
from tintype.workspace.endpoints import DeploymentRecord, EndpointStore

__all__ = ["ANSWERS", "PICTURES", "Watched", "find_watched"]

PICTURES = {"embedding_drift", "image_statistics"}
"""Signals that need collected pictures."""

ANSWERS = {"label_drift", "confidence_drift", "estimated_accuracy", "accuracy"}
"""Signals that need collected answers."""


@dataclass(frozen=True)
class Watched:
    """A deployment as it is now."""

    record: DeploymentRecord
    document: OnlineDeploymentDocument

    @property
    def name(self) -> str:
        """How it is called in messages."""
        return f"{self.record.endpoint}/{self.record.name}"

    @property
    def thumbnails(self) -> bool:
        """Whether small copies are collected in place of pictures."""
        collector = self.document.data_collector
        return collector is not None and collector.picture == "thumbnail"

    def known_classes(self) -> tuple[str, ...] | None:
        """The model's labels, as its folder says them; None where it does not, as of zero-shot models.

        Raises:
            CheckpointError: the folder is damaged.
        """
        folder = Path(self.record.model)
        task = self.document.settings.task
        if not is_model_folder(folder) or task not in (None, *CLASSIFICATION_TASKS):
            return None
        return open_model_folder(folder).classes or None

    def collected(self) -> set[str]:
        """Of `PICTURES` and `ANSWERS`, the signals for which its data_collector keeps what they need."""
        collector = self.document.data_collector
        if collector is None:
            return set()
        pictures = PICTURES if collector.inputs_rate > 0 else set()
        return pictures | (ANSWERS if collector.outputs_rate > 0 else set())

    def check_collects(self, monitor: MonitorDocument) -> None:
        """
        Raises:
            UsageError: the deployment collects nothing that one of the signals needs.
        """
        if not set(monitor.signals) & self.collected():
            raise UsageError(
                f"{self.name} collects nothing that {', '.join(monitor.signals)} need; turn it on: tintype "
                f"online-deployment update --endpoint-name {self.record.endpoint} --name "
                f"{self.record.name} --set data_collector.collections.model_inputs.enabled=true "
                "data_collector.collections.model_outputs.enabled=true"
            )


def find_watched(monitor: MonitorDocument) -> Watched:
    """The deployment that a monitor watches.

    Raises:
        UsageError: the endpoint or the deployment is gone, or which is meant is not said.
    """
    store = EndpointStore()
    try:
        name = monitor.deployment or _only_deployment(store, monitor.endpoint)
        record = store.deployment(monitor.endpoint, name)
    except UsageError as error:
        raise UsageError(
            f"monitor {monitor.name!r} watches {monitor.endpoint}/{monitor.deployment or '*'}: {error} "
            f"Create it again, or forget the monitor: tintype monitor delete --name {monitor.name}"
        ) from None
    return Watched(record, stored_deployment(record.document))


def _only_deployment(store: EndpointStore, endpoint: str) -> str:
    store.endpoint(endpoint)
    names = [record.name for record in store.deployments(endpoint)]
    if len(names) != 1:
        listed = ", ".join(names) or "none"
        raise UsageError(
            f"endpoint {endpoint!r} has {len(names)} deployments ({listed}); name one: deployment:."
        )
    return names[0]
