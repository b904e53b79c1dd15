"""What Prometheus reads: counts and times of requests, by endpoint and deployment."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

__all__ = ["METRICS_TYPE", "GatewayMetrics"]

METRICS_TYPE = CONTENT_TYPE_LATEST

_LABELS = ("endpoint", "deployment")

# Seconds: a model on a small CPU takes a tenth, a queue some.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 90.0)


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

    def request(
        self, endpoint: str, deployment: str, status: int, seconds: float, size: int
    ) -> None:
        """Count one score request. `deployment` is "" where none was reached."""
        self._requests.labels(endpoint, deployment, str(status)).inc()
        self._seconds.labels(endpoint, deployment).observe(seconds)
        self._bytes.labels(endpoint, deployment).inc(size)

    def instances(self, endpoint: str, deployment: str, states: dict[str, int]) -> None:
        """How many processes of a deployment are in each state."""
        for state, count in states.items():
            self._instances.labels(endpoint, deployment, state).set(count)

    def restart(self, endpoint: str, deployment: str) -> None:
        """Count one process that had to be replaced."""
        self._restarts.labels(endpoint, deployment).inc()

    def text(self) -> bytes:
        """The exposition, as METRICS_TYPE says."""
        return generate_latest(self._registry)
