"""Nothing leaves a machine without being asked for."""

from __future__ import annotations

import os
import subprocess
import sys

ASKED = """
import tintype
from huggingface_hub import constants
from mlflow.telemetry.utils import is_telemetry_disabled
from ray._common.usage.usage_lib import usage_stats_enabled
print(constants.HF_HUB_DISABLE_TELEMETRY, is_telemetry_disabled(), usage_stats_enabled())
"""

# Where MLflow keeps quiet by itself.
_OF_TESTS = ("PYTEST_", "CI", "GITHUB_", "MLFLOW_", "RAY_", "HF_", "DO_NOT_TRACK")


def told(**environment: str) -> list[str]:
    left = {name: value for name, value in os.environ.items() if not name.startswith(_OF_TESTS)}
    command = [sys.executable, "-c", ASKED]
    done = subprocess.run(
        command, env={**left, **environment}, check=True, capture_output=True, text=True
    )
    return done.stdout.split()


def test_no_library_reports_how_it_is_used() -> None:
    assert told() == ["True", "True", "False"]


def test_whoever_wants_to_report_does() -> None:
    wanted = {"MLFLOW_DISABLE_TELEMETRY": "false", "RAY_USAGE_STATS_ENABLED": "1"}
    assert told(**wanted, HF_HUB_DISABLE_TELEMETRY="0") == ["False", "False", "True"]
