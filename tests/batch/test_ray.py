"""The same batch on a Ray cluster of several nodes, one of which is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from batches import contents, write_large_pictures, write_pictures
from ray_clusters import MEMORY, ray_cluster

from tintype.batch.options import BatchOptions
from tintype.batch.runner import run_batch
from tintype.errors import TintypeError
from tintype.jobs.batch_explanations import ExplainRows
from tintype.schemas.explanation_settings import BatchExplanations
from tintype.scoring import ScorerOptions

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head without processors; tests add their nodes."""
    with ray_cluster() as cluster:
        yield cluster


@pytest.fixture
def nodes(cluster: Any) -> Iterator[list[Any]]:
    """Two nodes with a processor each."""
    added = [cluster.add_node(num_cpus=1, **MEMORY) for _ in range(2)]
    cluster.wait_for_nodes()
    yield added
    for node in added:
        if node in cluster.list_all_nodes():
            cluster.remove_node(node)


def batch(
    model: Path,
    source: Path,
    output: Path,
    compute: str,
    explain: BatchExplanations | None = None,
) -> Any:
    options = BatchOptions(shard_rows=8, compute=compute, actors=2, form="parquet")
    return run_batch(
        str(model),
        {"input": str(source)},
        output,
        options=options,
        scoring=ScorerOptions(batch_size=4),
        second_pass=None if explain is None else ExplainRows(explain),
    )


def test_a_lost_node_costs_nothing(
    cluster: Any,
    nodes: list[Any],
    tmp_path: Path,
    vit_checkpoint: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = write_large_pictures(tmp_path / "in", 200)
    (source / "011.png").unlink()
    (source / "011.png").write_bytes(b"no picture")
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    monkeypatch.setenv("TINTYPE_THREADS", "1")
    found: list[Any] = []
    work = threading.Thread(
        target=lambda: found.append(batch(vit_checkpoint, source, tmp_path / "ray", "ray"))
    )
    work.start()
    shards = tmp_path / "ray" / ".batch" / "shards"
    deadline = time.monotonic() + 300
    while (len(list(shards.glob("*.json"))) if shards.exists() else 0) < 3:
        assert work.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    done = len(list(shards.glob("*.json")))
    cluster.remove_node(nodes[0])
    assert done < 25
    work.join(200)
    assert (found[0].rows, found[0].failed) == (200, 1)
    batch(vit_checkpoint, source, tmp_path / "local", "local")
    assert contents(tmp_path / "ray") == contents(tmp_path / "local")


def test_what_fails_there_is_told_here(
    cluster: Any, nodes: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_pictures(tmp_path / "in", 9)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    with pytest.raises(TintypeError, match=r"config\.json"):
        batch(tmp_path / "model", source, tmp_path / "out", "ray")


def test_a_second_pass_is_made_here(
    cluster: Any,
    nodes: list[Any],
    tmp_path: Path,
    vit_checkpoint: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = write_pictures(tmp_path / "in", 13)
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    explain = BatchExplanations(method="attention", rows=4, which="least_certain")
    for compute in ("ray", "local"):
        batch(vit_checkpoint, source, tmp_path / compute, compute, explain=explain)
    assert len(list((tmp_path / "ray" / "explanations").glob("*-overlay.png"))) == 4
    assert contents(tmp_path / "ray") == contents(tmp_path / "local")
