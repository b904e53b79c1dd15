"""What a pipeline costs beside its nodes' own time: a fan-out of commands that sleep, and a chain of them.

    ./run bench pipelines [--nodes 50] [--chain 20] [--processes 4] [--repeats 3]

Each from the command line's start to its end; the same by GNU make, and by Prefect in an environment that
this script makes (400 MB). Ray Workflows is no peer any more: Ray has removed it (the last with it is 2.47).
The ceiling is the nodes' own time over the processes. Prints Markdown for RESULTS.md: medians of `--repeats`,
and the most memory that all processes of a run held together (resident, so shared pages count in each).
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
from machine import machine

PREFECT = "prefect==3.9.1"

SECONDS = 0.2
"""What each node sleeps."""

LOOK_SECONDS = 0.1
"""Between two looks at the memory: each takes a few milliseconds of a core."""


@dataclass(frozen=True)
class Graph:
    """What is run."""

    nodes: int
    processes: int
    shape: str
    """fan-out or chain."""

    @property
    def own_seconds(self) -> float:
        """The nodes' own time."""
        side_by_side = 1 if self.shape == "chain" else self.processes
        return SECONDS * -(-self.nodes // side_by_side)


def tintype_command(folder: Path, graph: Graph) -> list[str]:
    """Tintype's pipeline, streamed to its end."""
    lines = ["type: pipeline", f"settings: {{max_concurrent_nodes: {graph.processes}}}", "jobs:"]
    for number in range(graph.nodes):
        inputs, use = "", ""
        if graph.shape == "chain" and number:
            inputs = f"inputs: {{a: '${{{{parent.jobs.n{number - 1}.outputs.x}}}}'}}, "
            use = "cat ${{inputs.a}} > /dev/null; "
        line = f"{use}sleep {SECONDS}; echo {number} > ${{{{outputs.x}}}}"
        lines.append(
            f"  n{number}: {{type: command, {inputs}outputs: {{x: {{type: uri_file}}}}, "
            f"command: '{line}'}}"
        )
    (folder / "job.yml").write_text("\n".join(lines) + "\n")
    return [sys.executable, "-m", "tintype.cli", "job", "create", "-f", "job.yml", "--stream"]


def make_command(folder: Path, graph: Graph) -> list[str]:
    """The same by make."""
    names = " ".join(f"n{number}" for number in range(graph.nodes))
    rules = [f"all: {names}\n"]
    for number in range(graph.nodes):
        needs = f" n{number - 1}" if graph.shape == "chain" and number else ""
        use = f"cat n{number - 1} > /dev/null; " if needs else ""
        rules.append(f"n{number}:{needs}\n\t{use}sleep {SECONDS}; echo {number} > $@\n")
    (folder / "Makefile").write_text("\n".join(rules))
    for number in range(graph.nodes):
        (folder / f"n{number}").unlink(missing_ok=True)
    return ["make", "-s", f"-j{graph.processes}", "all"]


def prefect_command(environment: Path) -> Callable[[Path, Graph], list[str]]:
    """The same by Prefect, which is installed if it is not."""
    python = str(environment / "bin" / "python")
    known = [
        python,
        "-c",
        "import prefect, sys; sys.exit(f'prefect=={prefect.__version__}' != sys.argv[1])",
    ]
    if not Path(python).exists() or subprocess.run([*known, PREFECT], check=False).returncode:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", PREFECT], check=True)
    script = str(Path(__file__).with_name("pipelines_prefect.py"))

    def command(folder: Path, graph: Graph) -> list[str]:
        return [python, script, str(graph.nodes), str(graph.processes), graph.shape]

    return command


def run(folder: Path, command: list[str]) -> tuple[float, int]:
    """Seconds from the start to the end, and the most bytes that its processes held together."""
    environment = {
        **os.environ,
        "TINTYPE_HOME": str(folder / "home"),
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # A first start makes its database.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    }
    started = time.perf_counter()
    with (folder / "said.txt").open("w") as said:
        process = psutil.Popen(command, cwd=folder, env=environment, stdout=said, stderr=said)
    most, ended = 0, False
    while not ended:
        most = max(most, held(process))
        try:
            process.wait(LOOK_SECONDS)
            ended = True
        except psutil.TimeoutExpired:
            continue
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: {(folder / 'said.txt').read_text()}")
    return seconds, most


def held(process: psutil.Process) -> int:
    """Bytes resident in a process and in all that it started."""
    total = 0
    for each in [process, *process.children(recursive=True)]:
        try:
            total += each.memory_info().rss
        except psutil.Error:
            # It has ended meanwhile.
            continue
    return total


def main() -> None:
    """Run what was asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=50)
    parser.add_argument("--chain", type=int, default=20)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=("tintype", "make", "prefect"))
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path.home() / ".cache" / "tintype-bench-pipelines",
        help="Prefect's environment",
    )
    options = parser.parse_args()
    wanted = options.only or ("tintype", "make", "prefect")
    runners: dict[str, Callable[[Path, Graph], list[str]]] = {"tintype": tintype_command}
    if shutil.which("make"):
        runners["make"] = make_command
    if "prefect" in wanted:
        runners["prefect"] = prefect_command(options.folder)
    print(f"Machine: {machine()}\n", flush=True)
    print("| graph | runner | seconds | nodes' own | overhead a node | most memory |")
    print("|---|---|---|---|---|---|", flush=True)
    for shape, nodes in (("fan-out", options.nodes), ("chain", options.chain)):
        graph = Graph(nodes, options.processes, shape)
        for name, command in runners.items():
            if name in wanted:
                print_row(name, command, graph, options.repeats)


def print_row(
    name: str, command: Callable[[Path, Graph], list[str]], graph: Graph, repeats: int
) -> None:
    """Measure a graph by one runner and print it."""
    measured = []
    with tempfile.TemporaryDirectory(prefix="tintype-bench-") as scratch:
        folder = Path(scratch)
        # Databases are made once, by dozens of migrations.
        run(folder, command(folder, Graph(1, graph.processes, graph.shape)))
        for _ in range(repeats):
            # What ran before is not to be reused.
            shutil.rmtree(folder / "home" / "finished-steps", ignore_errors=True)
            measured.append(run(folder, command(folder, graph)))
    seconds = statistics.median(each for each, _ in measured)
    memory = max(most for _, most in measured) / 2**20
    overhead = (seconds - graph.own_seconds) / graph.nodes
    print(
        f"| {graph.shape} of {graph.nodes} | {name} | {seconds:.2f} | {graph.own_seconds:.2f} "
        f"| {overhead:.3f} s | {memory:.0f} MiB |",
        flush=True,
    )


if __name__ == "__main__":
    main()
