"""Nodes of a pipeline on a Ray cluster, beside others on this machine."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from in_process import Context
from ray_clusters import MEMORY, ray_cluster

from tintype.jobs.execution import execute_run
from tintype.jobs.run import Run
from tintype.jobs.submit import submit_job
from tintype.schemas.job import load_job

ray = pytest.importorskip("ray")

pytestmark = pytest.mark.usefixtures("no_workers")

PARENT = "ps -o args= -p $PPID > ${{outputs.parent}}"


@pytest.fixture
def cluster(workspace_home: Path) -> Iterator[Any]:
    with ray_cluster() as cluster:
        cluster.add_node(num_cpus=2, **MEMORY)
        cluster.wait_for_nodes()
        ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
        yield cluster


def submitted(folder: Path, jobs: str) -> Run:
    (folder / "job.yml").write_text(f"type: pipeline\njobs:{jobs}")
    return Run(submit_job(load_job(folder / "job.yml")).name)


def test_nodes_run_where_they_say_and_end_there(cluster: Any, tmp_path: Path) -> None:
    run = submitted(
        tmp_path,
        f"""
  there:
    type: command
    compute: ray
    command: {PARENT}
    outputs: {{parent: {{type: uri_file}}}}
  here:
    type: command
    command: cat ${{{{inputs.before}}}} && {PARENT}
    inputs: {{before: "${{{{parent.jobs.there.outputs.parent}}}}"}}
    outputs: {{parent: {{type: uri_file}}}}
""",
    )
    assert execute_run(run, Context()).status == "Completed", run.state.error
    there = run.sibling(f"{run.name}-there")
    here = run.sibling(f"{run.name}-here")
    assert (there.named_outputs / "parent").read_text().startswith("ray::")
    assert "ray::" not in (here.named_outputs / "parent").read_text()
    assert "ray::" in here.log.read_text()

    slow = submitted(
        tmp_path, "\n  slow: {type: command, compute: ray, command: sleep 98762 & wait}\n"
    )
    assert execute_run(slow, Context(after=8)).status == "Canceled"
    assert slow.sibling(f"{slow.name}-slow").state.status == "Canceled"
    left = subprocess.run(["pgrep", "-f", "sleep 98762"], capture_output=True, check=False)
    assert left.stdout == b""
