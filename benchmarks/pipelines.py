"""What a pipeline costs beside its nodes' own time: `python benchmarks/pipelines.py [--nodes 50] [--chain 20]`.

A fan-out of commands that sleep, and a chain of them, each from the command line's start to its end; the same by GNU make with as many processes, and by
Prefect where it is installed. The ceiling is the nodes' own time over the processes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SECONDS = 0.2


def pipeline(nodes: int, processes: int, *, chained: bool) -> str:
    """The document of the graph."""
    lines = ["type: pipeline", f"settings: {{max_concurrent_nodes: {processes}}}", "jobs:"]
    for number in range(nodes):
        after = number - 1 if chained and number else None
        inputs = (
            f"inputs: {{a: '${{{{parent.jobs.n{after}.outputs.x}}}}'}}, "
            if after is not None
            else ""
        )
        use = "cat ${{inputs.a}} > /dev/null; " if after is not None else ""
        command = f"{use}sleep {SECONDS}; echo {number} > ${{{{outputs.x}}}}"
        lines.append(
            f"  n{number}: {{type: command, {inputs}outputs: {{x: {{type: uri_file}}}}, "
            f"command: '{command}'}}"
        )
    return "\n".join(lines) + "\n"


def makefile(nodes: int, *, chained: bool) -> str:
    """The same graph for make."""
    names = " ".join(f"n{number}" for number in range(nodes))
    rules = [f"all: {names}\n"]
    for number in range(nodes):
        needs = f" n{number - 1}" if chained and number else ""
        rules.append(f"n{number}:{needs}\n\tsleep {SECONDS}; echo {number} > $@\n")
    return "\n".join(rules)


def by_tintype(folder: Path, nodes: int, processes: int, chained: bool) -> None:
    (folder / "job.yml").write_text(pipeline(nodes, processes, chained=chained))
    command = [
        sys.executable,
        "-m",
        "tintype.cli",
        "job",
        "create",
        "--file",
        "job.yml",
        "--stream",
    ]
    environment = {**os.environ, "TINTYPE_HOME": str(folder / "home")}
    subprocess.run(
        command,
        cwd=folder,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def by_make(folder: Path, nodes: int, processes: int, chained: bool) -> None:
    (folder / "Makefile").write_text(makefile(nodes, chained=chained))
    subprocess.run(
        ["make", "-s", f"-j{processes}", "all"], cwd=folder, check=True, stdout=subprocess.DEVNULL
    )


def by_prefect(folder: Path, nodes: int, processes: int, chained: bool) -> None:
    """Prefect's own engine, each task a command as above."""
    os.environ.setdefault("PREFECT_HOME", str(folder / "prefect"))
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "ERROR")
    from prefect import flow, task
    from prefect.task_runners import ThreadPoolTaskRunner

    @task
    def node(number: int, before: object = None) -> int:
        subprocess.run(
            ["bash", "-c", f"sleep {SECONDS}; echo {number}"], check=True, stdout=subprocess.DEVNULL
        )
        return number

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=processes))
    def graph() -> None:
        last = None
        futures = []
        for number in range(nodes):
            last = node.submit(number, last if chained else None)
            futures.append(last)
        for future in futures:
            future.result()

    graph()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=50)
    parser.add_argument("--chain", type=int, default=20)
    parser.add_argument("--processes", type=int, default=4)
    given = parser.parse_args()
    runners: dict[str, Callable[[Path, int, int, bool], None]] = {"tintype": by_tintype}
    if shutil.which("make"):
        runners["make"] = by_make
    try:
        import prefect  # noqa: F401

        runners["prefect"] = by_prefect
    except ImportError:
        print("prefect is not installed and is left out")
    print("| graph | runner | seconds | nodes' own | overhead a node |\n|---|---|---|---|---|")
    for chained, name in ((False, "fan-out"), (True, "chain")):
        nodes = given.chain if chained else given.nodes
        processes = 1 if chained else given.processes
        own = SECONDS * -(-nodes // processes)
        for runner, run in runners.items():
            with tempfile.TemporaryDirectory() as scratch:
                # A workspace is made once: MLflow's database takes dozens of migrations.
                run(Path(scratch), 1, given.processes, chained)
                (Path(scratch) / "n0").unlink(missing_ok=True)
                started = time.perf_counter()
                run(Path(scratch), nodes, given.processes, chained)
                seconds = time.perf_counter() - started
            overhead = (seconds - own) / nodes
            print(
                f"| {name} of {nodes} | {runner} | {seconds:.2f} | {own:.2f} | {overhead:.3f} s |",
                flush=True,
            )


if __name__ == "__main__":
    main()
