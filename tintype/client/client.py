"""The workspace in one object, a noun each."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from tintype.errors import UsageError

if TYPE_CHECKING:
    from tintype.client.batch_deployment import BatchDeployments
    from tintype.client.batch_endpoint import BatchEndpoints
    from tintype.client.component import Components
    from tintype.client.compute import Computes
    from tintype.client.data import Data
    from tintype.client.described import Describes
    from tintype.client.environment import Environments
    from tintype.client.job import Jobs
    from tintype.client.label import LabellingProjects
    from tintype.client.model import Models
    from tintype.client.monitor import Monitors
    from tintype.client.online_deployment import OnlineDeployments
    from tintype.client.online_endpoint import OnlineEndpoints
    from tintype.client.records import Poller
    from tintype.client.schedule import Schedules
    from tintype.client.workspace import Workspaces

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

    # Each is imported when it is first used: a command needs one of them.

    @cached_property
    def jobs(self) -> Jobs:
        """Training runs, sweeps, batches, and what they made."""
        from tintype.client.job import Jobs

        return Jobs()

    @cached_property
    def models(self) -> Models:
        """Registered models, and the catalog."""
        from tintype.client.model import Models

        return Models()

    @cached_property
    def data(self) -> Data:
        """Data assets."""
        from tintype.client.data import Data

        return Data()

    @cached_property
    def online_endpoints(self) -> OnlineEndpoints:
        """Addresses with keys."""
        from tintype.client.online_endpoint import OnlineEndpoints

        return OnlineEndpoints()

    @cached_property
    def online_deployments(self) -> OnlineDeployments:
        """Models behind online endpoints."""
        from tintype.client.online_deployment import OnlineDeployments

        return OnlineDeployments()

    @cached_property
    def batch_endpoints(self) -> BatchEndpoints:
        """Names for batch work."""
        from tintype.client.batch_endpoint import BatchEndpoints

        return BatchEndpoints()

    @cached_property
    def batch_deployments(self) -> BatchDeployments:
        """Models behind batch endpoints."""
        from tintype.client.batch_deployment import BatchDeployments

        return BatchDeployments()

    @cached_property
    def compute(self) -> Computes:
        """Names for this machine and for Ray clusters."""
        from tintype.client.compute import Computes

        return Computes()

    @cached_property
    def components(self) -> Components:
        """Steps of pipelines."""
        from tintype.client.component import Components

        return Components()

    @cached_property
    def environments(self) -> Environments:
        """Names for the Python that commands run in."""
        from tintype.client.environment import Environments

        return Environments()

    @cached_property
    def schedules(self) -> Schedules:
        """Jobs that are submitted again and again."""
        from tintype.client.schedule import Schedules

        return Schedules()

    @cached_property
    def monitors(self) -> Monitors:
        """Deployments that are looked after."""
        from tintype.client.monitor import Monitors

        return Monitors()

    @cached_property
    def labels(self) -> LabellingProjects:
        """Projects in which people label pictures."""
        from tintype.client.label import LabellingProjects

        return LabellingProjects()

    @cached_property
    def workspaces(self) -> Workspaces:
        """The one workspace."""
        from tintype.client.workspace import Workspaces

        return Workspaces()

    def create_or_update(self, entity: Describes, **more: Any) -> Any:
        """Give `entity` to the noun that it is of: a job, a model, data, an endpoint, a deployment.

        >>> job = tintype.automl.image_classification(...)       # doctest: +SKIP
        >>> run = client.create_or_update(job)                   # doctest: +SKIP

        Args:
            entity: a document, a record, or an object of azure-ai-ml; a file does not say its noun.
            more: options of that noun's `create_or_update`.

        Raises:
            UsageError: there is no noun for it, or it cannot be used; nothing was made.
        """
        return self._noun(entity).create_or_update(entity, **more)

    def begin_create_or_update(self, entity: Describes, **more: Any) -> Poller[Any]:
        """`create_or_update`, without waiting for it.

        Raises:
            UsageError: as `create_or_update`, at once.
        """
        from tintype.client.records import Poller

        noun = self._noun(entity)
        begin = getattr(noun, "begin_create_or_update", None)
        if begin is None:
            return Poller(lambda: noun.create_or_update(entity, **more))
        begun: Poller[Any] = begin(entity, **more)
        return begun

    def _noun(self, entity: Describes) -> Any:
        from tintype.client.described import noun_of

        name = noun_of(entity)
        noun = getattr(self, name, None)
        if noun is None:
            raise UsageError(f"{type(entity).__name__} given; there is no client.{name} here")
        return noun
