"""Which tests follow each other on one worker of pytest-xdist, and in which order the workers get them."""

from __future__ import annotations

from pathlib import PurePosixPath

from xdist.scheduler import LoadScopeScheduling

# Files of tests that stand alone and take long: dealt out one by one, those of others file by file.
DEALT_OUT = {"test_automl.py", "test_batch_endpoints.py", "test_main_job.py", "test_pipelines.py"}

# Folders with long tests, longest first: all workers are to end together.
LONGEST_FIRST = ("journeys", "web", "samples", "jobs", "labelling")


class WorkUnits(LoadScopeScheduling):
    """A file is a unit of work, so that what its tests share is set up once; the clusters of Ray, of which one
    runs at a time, are one together."""

    def _split_scope(self, nodeid: str) -> str:
        return work_unit(nodeid)


def work_unit(nodeid: str) -> str:
    """The unit of a test, by its address as pytest tells it."""
    path, _, name = nodeid.partition("::")
    if uses_ray(nodeid):
        return "ray"
    if PurePosixPath(path).name in DEALT_OUT:
        return f"{path}::{name.partition('[')[0]}"
    return path


def uses_ray(nodeid: str) -> bool:
    """Whether a test starts a cluster, by the name of its file."""
    return "ray" in PurePosixPath(nodeid.partition("::")[0]).stem.split("_")


def turn(nodeid: str) -> tuple[bool, int]:
    """The smaller, the earlier; tests of equal turns stay in the order of their files."""
    path = nodeid.partition("::")[0]
    room = next((i for i, r in enumerate(LONGEST_FIRST) if r in PurePosixPath(path).parts), 99)
    return not uses_ray(nodeid), room
