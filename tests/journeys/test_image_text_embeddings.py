"""Azure's steps for embeddings of images and texts, `az ml` being `tintype`, with a Hub of our own."""

from __future__ import annotations

import ast
import base64
import csv
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from azure_samples import AZURE_DEPLOYMENT
from checkpoints import write_clip
from commands import TINTYPE
from hub import Hub
from image_text import embedded_by_transformers
from pictures import encoded, noise

IMAGES = [noise(40 + n, 50, seed=n) for n in range(2)]
CELLS = [base64.encodebytes(encoded(image)).decode() for image in IMAGES]
TEXTS = ["a photo of a can", "a photo of a carton"]

# What Azure's scripts begin with; the older name of the model is the one they have.
PREAMBLE = f"""
set -euo pipefail
az() {{ shift; "{TINTYPE}" "$@"; }}
registry=azureml
model_name=image-text-embeddings-openai-clip-vit-base-patch32
workspace="--resource-group r --workspace-name w"
az ml model show --name $model_name --label latest --registry-name $registry > /dev/null
version=$(az ml model show --name $model_name --label latest --registry-name $registry \\
    --query version --output tsv)
model=azureml://registries/$registry/models/$model_name/versions/$version
"""

ONLINE = """
az ml online-endpoint create --name clip-embeddings $workspace > /dev/null
az ml online-deployment create --file deploy-online.yaml $workspace --all-traffic --set \\
    endpoint_name=clip-embeddings model=$model instance_type=Standard_DS3_v2 > /dev/null
for sides in image text image_text; do
    az ml online-endpoint invoke --name clip-embeddings --request-file ${sides}.json $workspace \\
        > ${sides}-answer.json
done
az ml online-endpoint delete --name clip-embeddings $workspace --yes
"""

BATCH = """
az ml batch-endpoint create --name clip-embeddings-batch $workspace > /dev/null
az ml batch-deployment create --file deploy-batch.yaml $workspace --set \\
    endpoint_name=clip-embeddings-batch model=$model compute=cpu-cluster name=demo > /dev/null
for sides in image text image_text; do
    job=$(az ml batch-endpoint invoke --name clip-embeddings-batch --deployment-name demo \\
        --input ./$sides --input-type uri_folder $workspace --query name --output tsv)
    az ml job stream --name $job $workspace > /dev/null
    child=$(az ml job list --parent-job-name $job --query "[0].name" --output tsv)
    az ml job download --name $child --output-name score --download-path $sides-output
    mv $sides-output/named-outputs/score/predictions.csv $sides-predictions.csv
done
az ml batch-endpoint delete --name clip-embeddings-batch $workspace --yes
"""


@pytest.fixture
def folder(tmp_path: Path, hub: Hub) -> Iterator[Path]:
    """Where the scripts run: their documents, requests and data, and a workspace."""
    clip = write_clip(tmp_path / "clip")
    hub.repositories["openai/clip-vit-base-patch32"] = clip
    (tmp_path / "deploy-online.yaml").write_text(AZURE_DEPLOYMENT)
    (tmp_path / "deploy-batch.yaml").write_text(
        "$schema: https://azuremlschemas.azureedge.net/latest/batchDeployment.schema.json\n"
        "name: demo\ntype: model\nresources:\n    instance_count: 1\n"
        "settings:\n    mini_batch_size: 1\n"
    )
    for sides in ("image", "text", "image_text"):
        images = CELLS if "image" in sides else ["", ""]
        texts = TEXTS if "text" in sides else ["", ""]
        rows = [list(row) for row in zip(images, texts, strict=True)]
        request = {"columns": ["image", "text"], "index": [0, 1], "data": rows}
        (tmp_path / f"{sides}.json").write_text(json.dumps({"input_data": request}))
        (tmp_path / sides).mkdir()
        with (tmp_path / sides / "0batch_input.csv").open("w", newline="") as stream:
            lines = [["", "image", "text"], *[[n, *row] for n, row in enumerate(rows)]]
            csv.writer(stream).writerows(lines)
    yield tmp_path
    sh(tmp_path, f'"{TINTYPE}" down || true')


def sh(folder: Path, script: str) -> None:
    """Run a script as a user's shell would."""
    environment = {
        **os.environ,
        "TINTYPE_HOME": str(folder / "home"),
        "TINTYPE_PRECISION": "fp32",
        "TINTYPE_RUNTIME": "torch",
        "HF_HUB_CACHE": str(folder / "cache"),
    }
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def check(found: list[dict[str, Any]], sides: str, folder: Path) -> None:
    """That rows hold what transformers gives for the sides asked for, and nothing else."""
    images, texts = embedded_by_transformers(folder / "clip", IMAGES, TEXTS)
    expected = {"image_features": images} if "image" in sides else {}
    expected |= {"text_features": texts} if "text" in sides else {}
    assert [set(row) for row in found] == [set(expected)] * 2
    for key, numbers in expected.items():
        assert np.abs(np.array([row[key] for row in found]) - numbers).max() < 1e-4


def test_the_online_script(folder: Path) -> None:
    sh(folder, PREAMBLE + ONLINE)
    for sides in ("image", "text", "image_text"):
        check(json.loads((folder / f"{sides}-answer.json").read_text()), sides, folder)


@pytest.mark.slow
def test_the_batch_script(folder: Path) -> None:
    sh(folder, PREAMBLE + BATCH)
    for sides in ("image", "text", "image_text"):
        names = [f"{side}_features" for side in sides.split("_")]
        with (folder / f"{sides}-predictions.csv").open(newline="") as stream:
            # The notebooks' own columns: the file has no header.
            rows = list(csv.DictReader(stream, ["row_number_per_file", *names, "file_name"]))
        assert [row["file_name"] for row in rows] == ["0batch_input.csv"] * 2
        assert [row["row_number_per_file"] for row in rows] == ["0", "1"]
        found = [{name: ast.literal_eval(row[name]) for name in names} for row in rows]
        check(found, sides, folder)


def test_a_card_that_only_azure_runs_is_not_deployed(folder: Path) -> None:
    model = "azureml://registries/azureml/models/MedImageInsight/versions/13"
    sh(
        folder,
        f"""
az() {{ shift; "{TINTYPE}" "$@"; }}
az ml online-endpoint create --name medical
code=0
az ml online-deployment create --file deploy-online.yaml --set \\
    endpoint_name=medical model={model} 2> refused.txt || code=$?
test $code = 2
""",
    )
    refused = (folder / "refused.txt").read_text()
    assert "Azure's catalog has this card" in refused
    assert "microsoft-rad-dino" in refused
