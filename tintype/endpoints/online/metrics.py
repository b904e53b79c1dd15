"""What Prometheus reads: counts and times of requests, by endpoint and deployment; and of monitors."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from tintype.endpoints.online.monitor_metrics import monitors_text
from tintype.endpoints.online.observed import Watch

__all__ = ["METRICS_TYPE", "GatewayMetrics"]

METRICS_TYPE = CONTENT_TYPE_LATEST

_LABELS = ("endpoint", "deployment")

# Seconds: a model on a small CPU takes a tenth, a queue some.
_BUCKETS: tuple[float, ...] = (
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    90.0,
)


class GatewayMetrics:
    """The gateway's own registry."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "tintype_requests",
            "Score requests by status.",
            (*_LABELS, "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "tintype_request_seconds",
            "From the body's arrival to the answer.",
            _LABELS,
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._bytes = Counter(
            "tintype_request_bytes", "Bodies of score requests.", _LABELS, registry=self._registry
        )
        self._instances = Gauge(
            "tintype_instances",
            "Processes that answer.",
            (*_LABELS, "state"),
            registry=self._registry,
        )
        self._restarts = Counter(
            "tintype_instance_restarts",
            "Processes replaced because they died or hung.",
            _LABELS,
            registry=self._registry,
        )
        self._collected = Counter(
            "tintype_collected_samples",
            "Requests that data_collector has recorded, and those that it dropped.",
            (*_LABELS, "outcome"),
            registry=self._registry,
        )
        self._mirrored = Counter(
            "tintype_mirrored_rows",
            "Mirrored pictures by whether their likeliest label is that of the live answer.",
            (*_LABELS, "outcome"),
            registry=self._registry,
        )
        self._shift_percent = Gauge(
            "tintype_shift_percent",
            "Percent of the traffic that a shift has brought to a deployment.",
            _LABELS,
            registry=self._registry,
        )
        self._shifts = Counter(
            "tintype_shifts",
            "Shifts of traffic to a deployment by how they ended.",
            (*_LABELS, "status"),
            registry=self._registry,
        )
        self._watches: dict[str, Watch] = {}

    def request(
        self, endpoint: str, deployment: str, status: int, seconds: float, size: int
    ) -> None:
        """Count one score request. `deployment` is "" where none was reached."""
        self._requests.labels(endpoint, deployment, str(status)).inc()
        self._seconds.labels(endpoint, deployment).observe(seconds)
        self._bytes.labels(endpoint, deployment).inc(size)
        watch = self._watches.get(endpoint)
        if watch is not None and deployment:
            watch.request(deployment, status, seconds)

    def mirrored(self, endpoint: str, deployment: str, rows: int, different: int) -> None:
        """Count mirrored pictures, and those whose label is another than the live one's."""
        self._mirrored.labels(endpoint, deployment, "same").inc(rows - different)
        self._mirrored.labels(endpoint, deployment, "different").inc(different)
        watch = self._watches.get(endpoint)
        if watch is not None:
            watch.compare(rows, different)

    def watch(self, endpoint: str) -> Watch:
        """Begin to watch an endpoint, anew where it is watched already."""
        self._watches[endpoint] = Watch()
        return self._watches[endpoint]

    def unwatch(self, endpoint: str) -> None:
        """Watch it no longer."""
        self._watches.pop(endpoint, None)

    def shifting(self, endpoint: str, deployment: str, percent: int) -> None:
        """How much of the traffic a shift has brought to a deployment."""
        self._shift_percent.labels(endpoint, deployment).set(percent)

    def shift_ended(self, endpoint: str, deployment: str, status: str) -> None:
        """Count a shift."""
        self._shifts.labels(endpoint, deployment, status).inc()

    def instances(self, endpoint: str, deployment: str, states: dict[str, int]) -> None:
        """How many processes of a deployment are in each state."""
        for state, count in states.items():
            self._instances.labels(endpoint, deployment, state).set(count)

    def restart(self, endpoint: str, deployment: str) -> None:
        """Count one process that had to be replaced."""
        self._restarts.labels(endpoint, deployment).inc()

    def collected(self, endpoint: str, deployment: str, outcome: str, count: int) -> None:
        """Count samples that were `recorded` or `dropped`."""
        self._collected.labels(endpoint, deployment, outcome).inc(count)

    def text(self) -> bytes:
        """The exposition, as METRICS_TYPE says."""
        return generate_latest(self._registry) + monitors_text()

    def of_endpoint(self, endpoint: str) -> dict[str, Any]:
        """What was counted since the gateway began: `bounds` of the times in seconds, and of each of `deployments`
        requests by `statuses`, how many took at most as long as each bound and all of them (`counts`), their
        `seconds` together, and processes that were replaced (`restarts`)."""
        found: dict[str, dict[str, Any]] = {}
        for family in self._registry.collect():
            for sample in family.samples:
                labels = sample.labels
                if labels.get("endpoint") != endpoint:
                    continue
                counted = found.setdefault(
                    labels["deployment"],
                    {"statuses": {}, "counts": [], "seconds": 0.0, "restarts": 0},
                )
                if sample.name == "tintype_requests_total":
                    counted["statuses"][labels["status"]] = int(sample.value)
                elif sample.name == "tintype_request_seconds_bucket":
                    counted["counts"].append(int(sample.value))
                elif sample.name == "tintype_request_seconds_sum":
                    counted["seconds"] = sample.value
                elif sample.name == "tintype_instance_restarts_total":
                    counted["restarts"] = int(sample.value)
        return {"bounds": list(_BUCKETS), "deployments": found}
