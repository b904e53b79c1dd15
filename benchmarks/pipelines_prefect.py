"""Prefect's side of pipelines.py, run by the Python of an environment that has it.

    python benchmarks/pipelines_prefect.py NODES PROCESSES fan-out|chain

Each task is a command as the others' nodes are, in Prefect's own engine: its ephemeral server, its threads.
It knows nothing of Tintype.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner

SECONDS = 0.2


@task
def node(number: int, before: Path | None) -> Path:
    """Sleep and write a file; in a chain, read that of the node before."""
    made = Path(f"n{number}").absolute()
    use = "" if before is None else f"cat {before} > /dev/null; "
    line = f"{use}sleep {SECONDS}; echo {number} > {made}"
    subprocess.run(["bash", "-c", line], check=True)
    return made


def main() -> None:
    """Run the graph."""
    nodes, processes, shape = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=processes))  # type: ignore[arg-type]
    def graph() -> None:
        futures = []
        for number in range(nodes):
            before = futures[-1] if shape == "chain" and futures else None
            futures.append(node.submit(number, before))
        for future in futures:
            future.result()

    graph()


if __name__ == "__main__":
    main()
