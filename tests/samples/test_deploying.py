"""The workflow that deploys: its commands as GitHub's runner would give them, on small pictures."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from commands import run
from loops import Callers, serve_champion, write_guesser, write_pictures
from ports import keep_own_port
from sample_runs import ROOT

from tintype.workspace.registry import get_model, list_models

STEPS = yaml.safe_load((ROOT / "samples" / "ci" / "deploy.yml").read_text())["jobs"]["deploy"]


@pytest.fixture
def checkout(tmp_path: Path, workspace_home: Path, ended_daemon: None) -> Path:
    """What the workflow finds: the samples, with stripes for photos and a small checkpoint."""
    keep_own_port(workspace_home)
    samples = tmp_path / "checkout" / "samples"
    shutil.copytree(ROOT / "samples" / "pipelines", samples / "pipelines")
    write_pictures(samples / "photos" / "clothing" / "train", 0, 24)
    write_pictures(samples / "photos" / "clothing" / "test", 100, 20)
    serve_champion("clothing", write_guesser(tmp_path), tmp_path)
    pipeline = yaml.safe_load((ROOT / "samples" / "train-pipeline.yml").read_text())
    pipeline["jobs"]["train"] |= {
        "model_name": str(tmp_path / "vit"),
        "hyperparameters": {
            "method": "head",
            "number_of_epochs": 60,
            "evaluation_frequency": 20,
            "training_batch_size": 8,
            "random_seed": 3,
        },
    }
    (samples / "train-pipeline.yml").write_text(yaml.safe_dump(pipeline, sort_keys=False))
    return samples.parent


def step(name: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A step of the workflow, in the shell that GitHub's runners take."""
    [command] = [each["run"] for each in STEPS["steps"] if each.get("name") == name]
    given = {**STEPS["env"], "JOB": "main-1", **environment}
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", command],
        cwd=folder,
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_push_trains_gates_and_deploys(checkout: Path) -> None:
    trained = step("train", checkout)
    assert trained.returncode == 0, trained.stdout + trained.stderr
    gated = step("gate", checkout)
    assert gated.returncode == 0, gated.stdout + gated.stderr
    assert get_model("clothing", label="challenger").version == "2"
    small = {"EVERY": "1s", "MIN_REQUESTS": "10"}
    with Callers("clothing", checkout / "samples" / "photos" / "clothing" / "test") as callers:
        # It answers more pictures otherwise than a champion that guesses than the bound allows.
        back = step("roll out", checkout, **small)
        assert back.returncode == 1, back.stdout + back.stderr
        assert "rolled back: disagreement:" in back.stdout
        assert get_model("clothing", label="champion").version == "1"
        bounds = "errors=5%,latency_p95=50x,disagreement=100%"
        over = step("roll out", checkout, **small, BOUNDS=bounds)
        assert over.returncode == 0, over.stdout + over.stderr
    assert "version-2 has 25 percent of the traffic" in over.stdout
    assert "clothing:2 is the champion" in over.stdout
    assert get_model("clothing", label="champion").version == "2"
    assert set(callers.statuses) == {200}
    # The same model once more is no better: the gate is shut, and the roll-out leaves all as it is.
    assert step("gate", checkout).returncode == 1
    assert step("roll out", checkout, **small).returncode == 0
    assert [model.version for model in list_models("clothing")] == ["2", "1"]
    assert "version-2" in run("online-endpoint", "show", "--name", "clothing").stdout
