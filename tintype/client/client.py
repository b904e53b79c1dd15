"""The workspace in one object, a noun each."""

from __future__ import annotations

from tintype.client.batch_deployment import BatchDeployments
from tintype.client.batch_endpoint import BatchEndpoints
from tintype.client.data import Data
from tintype.client.job import Jobs
from tintype.client.model import Models
from tintype.client.online_deployment import OnlineDeployments
from tintype.client.online_endpoint import OnlineEndpoints

__all__ = ["Client"]


class Client:
    """Jobs, models, data assets and endpoints of this machine's workspace.

    Verbs are those of azure-ai-ml. What they give are records: their keys are attributes, and
    `shown()` is what the command line prints. `begin_...` verbs give a `Poller`.

    >>> client = Client()                                        # doctest: +SKIP
    >>> run = client.jobs.create_or_update("job.yml")            # doctest: +SKIP
    >>> client.jobs.stream(run.name).status                      # doctest: +SKIP
    'Completed'
    """

    def __init__(self) -> None:
        self.jobs = Jobs()
        self.models = Models()
        self.data = Data()
        self.online_endpoints = OnlineEndpoints()
        self.online_deployments = OnlineDeployments()
        self.batch_endpoints = BatchEndpoints()
        self.batch_deployments = BatchDeployments()
