"""The daemon: the gateway, and the deployments behind it, kept as their records say.

Records are written before anything is done about them, and read when it starts: killed at any
moment, it goes on from there, with the instances that are still alive.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

from tintype.compute.ray_serving import leave_cluster
from tintype.endpoints.online.daemon.adoption import find_instances
from tintype.endpoints.online.daemon.config import DaemonConfig
from tintype.endpoints.online.daemon.control import control_socket, serve_control
from tintype.endpoints.online.daemon.kept_limits import KeptLimits
from tintype.endpoints.online.daemon.listening import listen_as
from tintype.endpoints.online.daemon.schedules import keep_schedules
from tintype.endpoints.online.daemon.shifts import TrafficShifts
from tintype.endpoints.online.daemon.shown import shown_deployment, shown_endpoint
from tintype.endpoints.online.deployments.local import LocalDeployment
from tintype.endpoints.online.deployments.plans import needs_new_instances, plan_of
from tintype.endpoints.online.deployments.protocol import Deployment
from tintype.endpoints.online.deployments.ray import RayDeployment
from tintype.endpoints.online.gateway.gateway import Gateway, GatewayRoutes
from tintype.endpoints.online.gateway.http_server import http_server
from tintype.endpoints.online.gateway.keys import KeyRing, digest_of
from tintype.endpoints.online.gateway.served import ServedEndpoint
from tintype.endpoints.online.metrics import GatewayMetrics
from tintype.errors import UsageError
from tintype.schemas.online_endpoint import stored_endpoint
from tintype.settings import get_settings
from tintype.version import __version__
from tintype.workspace.endpoints import DeploymentRecord, EndpointRecord, EndpointStore

__all__ = ["Daemon"]

_log = logging.getLogger("tintype")


class Daemon:
    """Every verb of the control plane; those that change something, one at a time."""

    def __init__(self, config: DaemonConfig) -> None:
        self._config = config
        self._store = EndpointStore()
        self._metrics = GatewayMetrics()
        self._served: dict[str, ServedEndpoint] = {}
        self._live: dict[tuple[str, str], Deployment] = {}
        self._limits = KeptLimits()
        self._shifts = TrafficShifts(self._metrics, self._set_traffic)
        self._turn = asyncio.Lock()
        self._stopping = asyncio.Event()
        keys = KeyRing({"metrics": digest_of(config.metrics_key)})
        self.gateway = Gateway(GatewayRoutes(self._find, lambda: keys), self._metrics)

    # Its life -----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve until SIGTERM, SIGINT or the verb `stop`; requests under way are finished."""
        config, listener = listen_as(self._config)
        self._config = config
        await self._restore()
        control = await serve_control(self.handle)
        server = http_server(self.gateway, config.tls)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        stopping = asyncio.create_task(self._stopping.wait())
        clocks = [
            asyncio.create_task(keep_schedules()),
            asyncio.create_task(self._limits.keep()),
            asyncio.create_task(self._shifts.keep(self._turn)),
        ]
        print(f"tintype {__version__} serves {config.address}", flush=True)
        try:
            await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
            server.should_exit = True
            await serving
        finally:
            stopping.cancel()
            for clock in clocks:
                clock.cancel()
            self._limits.write()
            await asyncio.gather(*(live.stop() for live in self._live.values()))
            await asyncio.to_thread(leave_cluster)
            # Last: whoever asked for the end waits for this.
            control.close()
            control_socket().unlink(missing_ok=True)

    async def _restore(self) -> None:
        """Endpoints and deployments from their records, with the instances that still live."""
        instances = await find_instances()
        for endpoint in self._store.endpoints():
            for record in self._store.deployments(endpoint.name):
                live = self._begin(record)
                for instance in instances.pop((record.endpoint, record.name), ()):
                    live.adopt(instance)
                live.start()
            self._serve(endpoint)
        self._shifts.restore()
        for orphans in instances.values():
            for instance in orphans:
                await instance.terminate()

    def _find(self, path: str) -> tuple[ServedEndpoint, str] | None:
        name, slash, rest = path.removeprefix("/").partition("/")
        endpoint = self._served.get(name)
        return None if endpoint is None else (endpoint, slash + rest)

    # The control plane --------------------------------------------------------------------------

    async def handle(self, verb: str, arguments: dict[str, Any]) -> Any:
        """See `control.Handler`; a verb `a-b` is the method `_a_b`."""
        method = _VERBS.get(verb)
        if method is None:
            raise UsageError(f"the daemon knows no verb {verb!r}")
        if verb in _LOOKING:
            return await method(self, **arguments)
        async with self._turn:
            return await method(self, **arguments)

    async def _status(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "version": __version__,
            "address": self._config.address,
            "endpoints": len(self._served),
            "requests_under_way": self.gateway.requests_under_way,
        }

    async def _stop(self) -> dict[str, Any]:
        self._stopping.set()
        return {"pid": os.getpid()}

    async def _put_endpoint(
        self, document: dict[str, Any], key_digests: dict[str, str], update: bool = False
    ) -> dict[str, Any]:
        """Create an endpoint, or replace its document; an existing one keeps its keys."""
        checked = stored_endpoint(document)
        try:
            old: EndpointRecord | None = self._store.endpoint(checked.name)
        except UsageError:
            if update:
                raise
            old = None
        self._check_traffic(checked.name, checked.traffic, checked.mirror_traffic)
        record = old or EndpointRecord(checked.name, document, key_digests)
        if (record.traffic, record.mirror_traffic) != (checked.traffic, checked.mirror_traffic):
            self._shifts.check_free(checked.name)
        record = record.changed(
            document=document,
            traffic=dict(checked.traffic),
            mirror_traffic=dict(checked.mirror_traffic),
        )
        self._store.save(record)
        self._serve(record)
        return shown_endpoint(record, self._config.address)

    async def _get_endpoint(self, name: str) -> dict[str, Any]:
        return shown_endpoint(self._store.endpoint(name), self._config.address)

    async def _list_endpoints(self) -> list[dict[str, Any]]:
        return [shown_endpoint(e, self._config.address) for e in self._store.endpoints()]

    async def _get_metrics(self, name: str) -> dict[str, Any]:
        self._store.endpoint(name)
        return self._metrics.of_endpoint(name)

    async def _delete_endpoint(self, name: str) -> None:
        self._store.endpoint(name)
        self._shifts.forget(name)
        self._served.pop(name, None)
        self._limits.forget(name)
        for record in self._store.deployments(name):
            await self._end(record)
        self._store.delete_endpoint(name)

    async def _set_key(self, name: str, which: str, digest: str) -> dict[str, Any]:
        record = self._store.endpoint(name)
        record = record.changed(key_digests={**record.key_digests, which: digest})
        self._store.save(record)
        self._serve(record)
        return shown_endpoint(record, self._config.address)

    async def _put_deployment(
        self, document: dict[str, Any], model: str, create: bool, all_traffic: bool = False
    ) -> dict[str, Any]:
        """Create a deployment, or go over to a new document without a gap."""
        endpoint, name = str(document["endpoint_name"]), str(document["name"])
        owner = self._store.endpoint(endpoint)
        self._shifts.check_free(endpoint, None if all_traffic else name)
        existing = {record.name for record in self._store.deployments(endpoint)}
        if create:
            if name in existing:
                raise UsageError(
                    f"endpoint {endpoint!r} has a deployment {name!r} already; change it with "
                    "`tintype online-deployment update`"
                )
            record = DeploymentRecord(endpoint, name, document, model)
            self._store.save(record)
            self._begin(record).start()
        else:
            old = self._store.deployment(endpoint, name)
            record = old.changed(document=document, model=model, error=None)
            before, after = plan_of(old).compute, plan_of(record).compute
            if before != after:
                raise UsageError(
                    f"compute: deployment {name!r} runs on {before}; create another one for {after} "
                    "and give that the traffic"
                )
            if old.provisioning_state != "Succeeded" or needs_new_instances(old, record):
                served = old.previous or {
                    "document": old.document,
                    "model": old.model,
                    "generation": old.generation,
                }
                generation = old.last_generation + 1
                record = record.changed(
                    generation=generation,
                    last_generation=generation,
                    provisioning_state="Updating",
                    previous=None if old.provisioning_state in ("Failed", "Creating") else served,
                )
            self._store.save(record)
            self._live[endpoint, name].update(plan_of(record))
            self._share_threads()
        if all_traffic:
            mirror = {k: v for k, v in owner.mirror_traffic.items() if k != name}
            owner = owner.changed(traffic={name: 100}, mirror_traffic=mirror)
            self._store.save(owner)
        self._serve(owner)
        return self._shown(record)

    async def _get_deployment(self, endpoint: str, name: str) -> dict[str, Any]:
        return self._shown(self._store.deployment(endpoint, name))

    async def _list_deployments(self, endpoint: str) -> list[dict[str, Any]]:
        self._store.endpoint(endpoint)
        return [self._shown(record) for record in self._store.deployments(endpoint)]

    async def _delete_deployment(self, endpoint: str, name: str) -> None:
        record, owner = self._store.deployment(endpoint, name), self._store.endpoint(endpoint)
        self._shifts.check_free(endpoint, name)
        share = owner.traffic.get(name, 0)
        if share:
            raise UsageError(
                f"deployment {name!r} takes {share} percent of the traffic; give it to another "
                f'first: tintype online-endpoint update --name {endpoint} --traffic "{name}=0"'
            )
        owner = owner.changed(
            traffic={k: v for k, v in owner.traffic.items() if k != name},
            mirror_traffic={k: v for k, v in owner.mirror_traffic.items() if k != name},
        )
        self._store.save(owner)
        await self._end(record)
        self._serve(owner)

    async def _start_shift(self, document: dict[str, Any]) -> dict[str, Any]:
        return self._shifts.start(document)

    async def _get_shift(self, endpoint: str) -> dict[str, Any]:
        return self._shifts.show(endpoint)

    async def _list_shifts(self, endpoint: str) -> list[dict[str, Any]]:
        return self._shifts.list(endpoint)

    async def _cancel_shift(self, endpoint: str) -> dict[str, Any]:
        return self._shifts.cancel(endpoint)

    # Its parts ----------------------------------------------------------------------------------

    def _set_traffic(
        self, endpoint: str, traffic: dict[str, int], mirror_traffic: dict[str, int]
    ) -> None:
        record = self._store.endpoint(endpoint)
        record = record.changed(traffic=traffic, mirror_traffic=mirror_traffic)
        self._store.save(record)
        self._serve(record)

    def _check_traffic(
        self, endpoint: str, traffic: dict[str, int], mirror_traffic: dict[str, int]
    ) -> None:
        existing = {record.name for record in self._store.deployments(endpoint)}
        for name in [*traffic, *mirror_traffic]:
            if name not in existing:
                have = ", ".join(sorted(existing)) or "none yet: create one first"
                raise UsageError(
                    f"traffic: endpoint {endpoint!r} has no deployment {name!r}; it has {have}"
                )

    def _records(self) -> list[DeploymentRecord]:
        return [
            record
            for endpoint in self._store.endpoints()
            for record in self._store.deployments(endpoint.name)
        ]

    def _serve(self, record: EndpointRecord) -> None:
        """Make the gateway serve `record` as it is now."""
        document = stored_endpoint(record.document)
        limit = document.rate_limit
        limiter = self._limits.limiter(record.name, limit.requests_per_minute if limit else None)
        self._served[record.name] = ServedEndpoint(
            record.name,
            KeyRing(record.key_digests),
            {
                name: live
                for (endpoint, name), live in self._live.items()
                if endpoint == record.name
            },
            record.traffic,
            record.mirror_traffic,
            limiter,
        )

    def _begin(self, record: DeploymentRecord) -> Deployment:
        plan = plan_of(record)

        def settled(generation: int, failure: str | None) -> None:
            self._settled(record.endpoint, record.name, generation, failure)

        live: Deployment
        if plan.compute.startswith("ray"):
            live = RayDeployment(
                record.endpoint, record.name, plan, metrics=self._metrics, settled=settled
            )
        else:
            logs = self._store.folder(record.endpoint, record.name) / "logs"
            live = LocalDeployment(
                record.endpoint,
                record.name,
                plan,
                logs=logs,
                metrics=self._metrics,
                settled=settled,
            )
        self._live[record.endpoint, record.name] = live
        self._share_threads()
        return live

    def _share_threads(self) -> None:
        """What this machine has, shared out evenly over all instances that there may come to be."""
        plans = [plan_of(record) for record in self._records() if record.owner in self._live]
        here = sum(plan.most_instances for plan in plans if not plan.compute.startswith("ray"))
        share = max(1, get_settings().cpu_threads // max(1, here))
        for live in self._live.values():
            live.share_threads(share)

    async def _end(self, record: DeploymentRecord) -> None:
        live = self._live.pop((record.endpoint, record.name), None)
        if live is not None:
            await live.stop()
        self._store.delete_deployment(record.endpoint, record.name)
        self._share_threads()

    def _settled(self, endpoint: str, name: str, generation: int, failure: str | None) -> None:
        """A generation serves, or has failed; then what served before is the truth again."""
        try:
            record = self._store.deployment(endpoint, name)
        except UsageError:
            return
        if record.generation != generation:
            return
        if failure is None:
            record = record.changed(provisioning_state="Succeeded", error=None, previous=None)
        elif record.previous is None:
            record = record.changed(provisioning_state="Failed", error=failure)
        else:
            record = record.changed(
                **record.previous,
                previous=None,
                provisioning_state="Succeeded",
                error=f"the update failed: {failure}",
            )
            self._live[endpoint, name].update(plan_of(record))
        self._store.save(record)

    def _shown(self, record: DeploymentRecord) -> dict[str, Any]:
        live = self._live.get((record.endpoint, record.name))
        if live is None:
            return shown_deployment(record, [])
        return shown_deployment(record, live.instances(), live.collected())


_VERBS = {
    name.removeprefix("_").replace("_", "-"): getattr(Daemon, name)
    for name in (
        "_status",
        "_stop",
        "_put_endpoint",
        "_get_endpoint",
        "_list_endpoints",
        "_get_metrics",
        "_delete_endpoint",
        "_set_key",
        "_put_deployment",
        "_get_deployment",
        "_list_deployments",
        "_delete_deployment",
        "_start_shift",
        "_get_shift",
        "_list_shifts",
        "_cancel_shift",
    )
}


_LOOKING = (
    "status",
    "get-endpoint",
    "list-endpoints",
    "get-metrics",
    "get-deployment",
    "list-deployments",
    "get-shift",
    "list-shifts",
)
