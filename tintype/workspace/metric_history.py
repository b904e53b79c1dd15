"""What a run logged to MLflow: every value of its metrics, and its parameters.

Of a local tracking file the tables themselves are read: MLflow takes seconds to import, and an answer must take
milliseconds. Any other tracking server is asked by MLflow's client.
"""

from __future__ import annotations

import contextlib
import math
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tintype.errors import OutputError
from tintype.settings import get_settings
from tintype.workspace.tracking import mlflow_client

__all__ = ["MetricSeries", "logged_stamp", "metric_histories", "run_parameters"]

# Values of one metric that are handed out; of longer series, evenly chosen ones.
_MOST_POINTS = 1000

# Values of one run that are read.
_MOST_ROWS = 1_000_000

_BUSY_SECONDS = 2.0

# How often a page looks again at what a tracking server has.
_SERVER_SECONDS = 5


@dataclass(frozen=True)
class MetricSeries:
    """A metric of a run as it was logged, by step and time."""

    name: str
    steps: list[int]
    values: list[float | None]
    """None: not a number, or infinite."""
    times: list[int]
    """Milliseconds since 1970, UTC."""
    points: int
    """How many were logged; the lists may hold fewer."""


def metric_histories(run_id: str) -> list[MetricSeries]:
    """Every metric of MLflow's run `run_id`, by name; empty where it has none, or is not there.

    Raises:
        OutputError: the tracking file cannot be read.
        TintypeError: the tracking server cannot be used.
    """
    path = _local_file()
    rows: dict[str, list[tuple[int, int, float]]] = {}
    if path is None:
        client = mlflow_client()
        for key in _logged_metrics(run_id):
            history = client.get_metric_history(run_id, key)
            rows[key] = sorted((each.step, each.timestamp, each.value) for each in history)
    else:
        with _opened(path) as connection:
            query = (
                "SELECT key, step, timestamp, CASE WHEN is_nan THEN NULL ELSE value END FROM metrics "
                "WHERE run_uuid = ? ORDER BY key, step, timestamp LIMIT ?"
            )
            for key, step, at, value in connection.execute(query, (run_id, _MOST_ROWS)):
                number = math.nan if value is None else value
                rows.setdefault(key, []).append((step, at, number))
    return [_series(name, points) for name, points in sorted(rows.items())]


def run_parameters(run_id: str) -> dict[str, str]:
    """Parameters of MLflow's run `run_id`, by name; empty where it has none, or is not there.

    Raises:
        OutputError, TintypeError: as `metric_histories`.
    """
    path = _local_file()
    if path is None:
        return {str(k): str(v) for k, v in mlflow_client().get_run(run_id).data.params.items()}
    with _opened(path) as connection:
        query = "SELECT key, value FROM params WHERE run_uuid = ? ORDER BY key"
        return dict(connection.execute(query, (run_id,)).fetchall())


def logged_stamp(run_id: str) -> str:
    """Another text whenever a metric of the run was logged: quick for a local tracking file; of a server, which is
    not asked, every few seconds.

    Raises:
        OutputError: as `metric_histories`.
    """
    path = _local_file()
    if path is None:
        return str(int(time.time() / _SERVER_SECONDS))
    with _opened(path) as connection:
        query = "SELECT key, timestamp, step FROM latest_metrics WHERE run_uuid = ? ORDER BY key"
        return str(connection.execute(query, (run_id,)).fetchall())


def _logged_metrics(run_id: str) -> list[str]:
    from mlflow.exceptions import MlflowException

    try:
        return list(mlflow_client().get_run(run_id).data.metrics)
    except MlflowException:
        return []


def _series(name: str, points: list[tuple[int, int, float]]) -> MetricSeries:
    stride = -(-len(points) // _MOST_POINTS)
    # Counted from the end: the newest value is always among them.
    kept = points[::-1][::stride][::-1] if stride > 1 else points
    return MetricSeries(
        name,
        [step for step, _, _ in kept],
        [value if math.isfinite(value) else None for _, _, value in kept],
        [at for _, at, _ in kept],
        len(points),
    )


def _local_file() -> Path | None:
    uri = get_settings().resolved_tracking_uri
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.exists():
        # Nothing was logged yet: an empty database answers as MLflow's would.
        with contextlib.closing(sqlite3.connect(":memory:")) as empty:
            empty.execute("CREATE TABLE metrics (key, step, timestamp, value, is_nan, run_uuid)")
            empty.execute("CREATE TABLE latest_metrics (key, step, timestamp, run_uuid)")
            empty.execute("CREATE TABLE params (key, value, run_uuid)")
            yield empty
        return
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS
        )
        with contextlib.closing(connection):
            yield connection
    except sqlite3.Error as error:
        raise OutputError(f"cannot read {path}: {error}") from None
