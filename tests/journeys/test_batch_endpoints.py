"""Azure's steps for a batch endpoint with `az ml` replaced, and a job that is killed."""

from __future__ import annotations

import ast
import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from batches import contents, write_large_pictures, write_pictures
from commands import run

DEPLOYMENT = {
    "$schema": "https://azuremlschemas.azureedge.net/latest/modelBatchDeployment.schema.json",
    "name": "demo",
    "endpoint_name": "photos",
    "type": "model",
    "compute": "azureml:cpu-cluster",
    "resources": {"instance_count": 1},
    "settings": {"mini_batch_size": 1, "error_threshold": -1},
}


def said(*arguments: object) -> str:
    return run(*arguments).stdout.strip()


def write_deployment(folder: Path, model: Path, **settings: Any) -> Path:
    path = folder / "deployment.yml"
    document = {**DEPLOYMENT, "model": str(model)}
    document["settings"] = {**DEPLOYMENT["settings"], **settings}  # type: ignore[dict-item]
    path.write_text(yaml.safe_dump(document))
    return path


def test_azures_steps(tmp_path: Path, vit_checkpoint: Path) -> None:
    pictures = write_pictures(tmp_path / "pictures", 12)
    (pictures / "005.png").write_bytes(b"no picture")
    (tmp_path / "endpoint.yml").write_text("name: photos\nauth_mode: aad_token\n")
    run("batch-endpoint", "create", "--file", tmp_path / "endpoint.yml")
    made = run(
        "batch-deployment",
        "create",
        "--file",
        write_deployment(tmp_path, vit_checkpoint),
        "--set-default",
    )
    assert "azureml:cpu-cluster means this machine here" in made.stderr
    assert (
        said(
            "batch-endpoint",
            "show",
            "-n",
            "photos",
            "--query",
            "defaults.deployment_name",
            "-o",
            "tsv",
        )
        == "demo"
    )
    job = said(
        "batch-endpoint",
        "invoke",
        "--name",
        "photos",
        "--input",
        pictures,
        "--input-type",
        "uri_folder",
        "--query",
        "name",
        "-o",
        "tsv",
    )
    run("job", "stream", "--name", job)
    assert said("job", "show", "-n", job, "--query", "status", "-o", "tsv") == "Completed"
    child = said("job", "list", "--parent-job-name", job, "--query", "[0].name", "-o", "tsv")
    run("job", "download", "--name", child, "--output-name", "score", "--download-path", tmp_path)
    with (tmp_path / "named-outputs" / "score" / "predictions.csv").open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert [row[3] for row in rows] == [f"{n:03d}.png" for n in range(12) if n != 5]
    assert ast.literal_eval(rows[0][2]) == ["can", "carton", "jug"]
    assert sum(ast.literal_eval(rows[0][1])) == pytest.approx(1, abs=1e-4)
    listed = json.loads(said("batch-endpoint", "list-jobs", "-n", "photos"))
    assert [each["name"] for each in listed] == [job]
    # Another deployment of the endpoint is asked by its name, and overrides count.
    failed = run(
        "batch-endpoint",
        "invoke",
        "-n",
        "photos",
        "-d",
        "demo",
        "--input",
        pictures,
        "--stream",
        "--set",
        "settings.error_threshold=0",
        "--output-path",
        tmp_path / "elsewhere",
        code=1,
    )
    assert "1 input files failed, and error_threshold allows 0" in failed.stderr
    run("batch-endpoint", "delete", "-n", "photos", "--yes")
    run("batch-endpoint", "show", "-n", "photos", code=2)


def test_a_data_asset_in_parquet_to_a_folder(tmp_path: Path, vit_checkpoint: Path) -> None:
    import pyarrow.parquet as pq

    pictures = write_pictures(tmp_path / "pictures", 5)
    run("data", "create", "-n", "july", "-t", "uri_folder", "-p", pictures)
    run("batch-endpoint", "create", "-n", "photos")
    run(
        "batch-deployment",
        "create",
        "--set-default",
        "--file",
        write_deployment(tmp_path, vit_checkpoint, output_file_name="rows.parquet"),
    )
    run(
        "batch-endpoint",
        "invoke",
        "-n",
        "photos",
        "--input",
        "azureml:july@latest",
        "--output-path",
        tmp_path / "out",
        "--stream",
    )
    assert pq.read_table(tmp_path / "out" / "predictions").num_rows == 5
    again = run(
        "batch-endpoint",
        "invoke",
        "-n",
        "photos",
        "--input",
        "azureml:july@latest",
        "--output-path",
        tmp_path / "out",
        code=2,
    )
    assert "holds a finished batch" in again.stderr
    missing = run("batch-endpoint", "invoke", "-n", "photos", "--input", tmp_path / "no", code=2)
    assert "no such file or folder" in missing.stderr


def test_a_killed_job_is_resumed(
    tmp_path: Path, vit_checkpoint: Path, workspace_home: Path
) -> None:
    pictures = write_pictures(tmp_path / "pictures", 300)
    (tmp_path / "job.yml").write_text(
        yaml.safe_dump(
            {
                "type": "batch",
                "name": "long",
                "model": str(vit_checkpoint),
                "input": str(pictures),
                "settings": {"output_format": "jsonl"},
            }
        )
    )
    run("job", "create", "-f", tmp_path / "job.yml")
    record = workspace_home / "runs" / "long" / "run.json"
    while json.loads(record.read_text())["status"] not in ("Running", "Completed"):
        time.sleep(0.05)
    os.killpg(json.loads(record.read_text())["pid"], signal.SIGKILL)
    status = said("job", "show", "-n", "long", "--query", "status", "-o", "tsv")
    if status == "Failed":
        run("job", "resume", "-n", "long", "--stream")
    assert said("job", "show", "-n", "long", "--query", "status", "-o", "tsv") == "Completed"
    rows = workspace_home / "runs" / "long_batchscoring" / "outputs" / "score" / "predictions.jsonl"
    names = [json.loads(line)["file_name"] for line in rows.open()]
    assert names == [f"{n:03d}.png" for n in range(300)]


@pytest.mark.slow
def test_killed_at_random_it_ends_the_same(tmp_path: Path, vit_checkpoint: Path) -> None:
    pictures = write_large_pictures(tmp_path / "pictures", 160)
    (pictures / "100.png").unlink()
    (pictures / "100.png").write_bytes(b"no picture")
    draw = random.Random(6)

    def command(output: Path) -> list[str]:
        return [
            str(Path(sys.executable).with_name("tintype")),
            "batch",
            str(pictures),
            str(output),
            "-m",
            str(vit_checkpoint),
            "--format",
            "parquet",
            "--batch-size",
            "8",
            "--shard-rows",
            "16",
        ]

    subprocess.run(command(tmp_path / "whole"), check=True, capture_output=True)
    expected = contents(tmp_path / "whole")
    kills = 0
    for _ in range(3):
        process = subprocess.Popen(
            command(tmp_path / "killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        # Most of it is importing torch: the kills fall around the time of the work.
        work = tmp_path / "killed" / ".batch" / "shards"
        before = len(list(work.glob("*.json"))) if work.exists() else 0
        deadline = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline:
            if work.exists() and len(list(work.glob("*.json"))) > before:
                time.sleep(draw.random() * 0.15)
                break
            time.sleep(0.002)
        if process.poll() is not None:
            break
        process.kill()
        process.wait()
        kills += 1
    assert kills >= 2
    subprocess.run(command(tmp_path / "killed"), check=True, capture_output=True)
    assert contents(tmp_path / "killed") == expected
