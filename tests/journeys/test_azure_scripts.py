"""What Azure's image scripts do, verb by verb, in shells that know `tintype az` and no Hub.

Their checkpoints were imported under the names that they ask for; nothing else is changed for this machine.
"""

from __future__ import annotations

import base64
import csv
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure_samples import AZURE_DEPLOYMENT
from checkpoints import write_checkpoint
from commands import TINTYPE, run
from pictures import encoded, striped

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

BEIT = "microsoft-beit-base-patch16-224-pt22k-ft22k"

BEGIN = f"""
set -e
registry=azureml-preview
here="--resource-group mine --workspace-name ours"
az account set -s 00000000-1111
for cluster in cpu-cluster gpu-cluster; do
    if az ml compute show --name $cluster $here; then exit 9; fi
    az ml compute create --name $cluster --type amlcompute --min-instances 0 --max-instances 2 \\
        --size STANDARD_NC6s_v3 $here || {{ echo "no $cluster"; exit 1; }}
done
version=$(az ml model show --name {BEIT} --label latest --registry-name $registry \\
    --query version --output tsv)
test "$version" = 20
model=azureml://registries/$registry/models/{BEIT}/versions/$version
now=$(date +%s)
"""

FINETUNING = """
component=transformers_image_classification_pipeline
if ! az ml component show --name $component --label latest --registry-name $registry; then exit 9; fi
job=$(az ml job create --file pipeline.yml $here --query name -o tsv \\
    --set jobs.finetune.component="azureml://registries/$registry/components/$component/labels/latest" \\
    inputs.model.path=$model \\
    inputs.training_data.path=./data/training inputs.validation_data.path=./data/validation \\
    inputs.compute_finetune=gpu-cluster) || { echo "no job"; exit 1; }
az ml job stream --name $job $here || { echo "stream failed"; exit 1; }
az ml model create --name stripes --version $now --type mlflow_model \\
    --path azureml://jobs/$job/outputs/trained_model $here || { echo "no model"; exit 1; }
endpoint=stripes-$now
az ml online-endpoint create --name $endpoint $here || { echo "no endpoint"; exit 1; }
az ml online-deployment create --file deploy.yml $here --all-traffic --set endpoint_name=$endpoint \\
    model=azureml:stripes:$now instance_type=Standard_DS3_V2 || { echo "no deployment"; exit 1; }
az ml online-endpoint invoke --name $endpoint --request-file request.json $here > answer.json
az ml online-endpoint delete --name $endpoint $here --yes || { echo "not deleted"; exit 1; }
"""

BATCH = """
endpoint=photos-$now
az ml batch-endpoint create --name $endpoint $here || { echo "no endpoint"; exit 1; }
az ml batch-deployment create --file deploy-batch.yml $here --set endpoint_name=$endpoint \\
    model=$model compute=cpu-cluster name=demo-$now || { echo "no deployment"; exit 1; }
for input in "./pictures uri_folder" "./pictures.csv uri_file"; do
    set -- $input
    job=$(az ml batch-endpoint invoke --name $endpoint --deployment-name demo-$now \\
        --input $1 --input-type $2 $here --query name --output tsv) || { echo "no job"; exit 1; }
    az ml job stream --name $job $here || { echo "stream failed"; exit 1; }
    child=$(az ml job list --parent-job-name $job $here --query "[0].name" -o tsv)
    az ml job download --name $child --output-name score --download-path got-$2 $here
done
az ml batch-endpoint delete --name $endpoint $here --yes || { echo "not deleted"; exit 1; }
"""

PIPELINE = """
type: pipeline
experiment_name: stripes
inputs:
  model: {type: mlflow_model, path: azureml://registries/azureml/models/google-vit-base-patch16-224/versions/1}
  training_data: {type: mltable, path: ./elsewhere}
  validation_data: {type: mltable, path: ./elsewhere}
  compute_finetune: none
outputs: {trained_model: {type: mlflow_model}}
settings: {force_rerun: true, default_compute: azureml:gpu-cluster}
jobs:
  finetune:
    type: pipeline
    component: azureml://registries/azureml/components/image_classification_pipeline/labels/latest
    inputs:
      compute_finetune: ${{parent.inputs.compute_finetune}}
      mlflow_model: ${{parent.inputs.model}}
      training_data: ${{parent.inputs.training_data}}
      validation_data: ${{parent.inputs.validation_data}}
      task_name: image-classification
      precision: 32
      apply_deepspeed: False
      extra_optim_args: ""
      number_of_epochs: 1
    outputs:
      mlflow_model_folder: ${{parent.outputs.trained_model}}
"""


@pytest.fixture
def machine(tmp_path: Path, workspace_home: Path) -> Iterator[Path]:
    """A folder to work in, and a workspace that has the checkpoint from a stick."""
    folder = write_checkpoint(tmp_path / "stick", "beit", labels=("level", "upright"))
    run("model", "import", folder, "--name", BEIT)
    work = tmp_path / "work"
    work.mkdir()
    yield work
    run("down")


def bash(script: str, folder: Path) -> str:
    """Run a script in a shell that knows this machine's `az`; what it said on standard error."""
    (folder / "script.sh").write_text(BEGIN + script)
    found = subprocess.run(
        ["bash", "-c", f'eval "$({TINTYPE} az env)" && bash script.sh'],
        cwd=folder,
        env={**os.environ, "TINTYPE_THREADS": "2"},
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert found.returncode == 0, f"{found.stdout}\n{found.stderr}"
    assert "Traceback" not in found.stderr
    return found.stderr


def test_a_checkpoint_is_tuned_registered_deployed_and_asked(machine: Path) -> None:
    for split, first in (("training", 0), ("validation", 20)):
        folder = machine / "data" / split
        folder.mkdir(parents=True)
        rows = []
        for number in range(first, first + 12):
            kind = number % 2
            (folder / f"{number}.png").write_bytes(encoded(striped(kind, seed=number)))
            label = ("level", "upright")[kind]
            rows.append(json.dumps({"image_url": f"./{number}.png", "label": label}))
        (folder / "rows.jsonl").write_text("\n".join(rows) + "\n")
        (folder / "MLTable").write_text(
            "paths:\n  - file: ./rows.jsonl\ntransformations:\n"
            "  - read_json_lines: {encoding: utf8, invalid_lines: error, include_path_column: false}\n"
            "  - convert_column_types: [{columns: image_url, column_type: stream_info}]\n"
        )
    (machine / "pipeline.yml").write_text(PIPELINE)
    (machine / "deploy.yml").write_text(AZURE_DEPLOYMENT)
    cell = base64.b64encode(encoded(striped(0, seed=99))).decode()
    (machine / "request.json").write_text(json.dumps({"input_data": [cell]}))
    said = bash(FINETUNING, machine)
    [row] = json.loads((machine / "answer.json").read_text())
    assert sorted(row["labels"]) == ["level", "upright"]
    assert sum(row["probs"]) == pytest.approx(1, abs=1e-4)
    for once in ("compute_finetune has no effect", "instance_type"):
        assert said.count(once) == 1, once


def test_a_registrys_model_scores_a_folder_and_a_table(machine: Path) -> None:
    pictures = machine / "pictures"
    cells = []
    for kind, name in enumerate(("level", "upright")):
        (pictures / name).mkdir(parents=True)
        for number in range(3):
            content = encoded(striped(kind, seed=number))
            (pictures / name / f"{number}.png").write_bytes(content)
            cells.append(base64.encodebytes(content).decode())
    with (machine / "pictures.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["", "image"], *enumerate(cells)])
    (machine / "deploy-batch.yml").write_text(
        "name: demo\ntype: model\nresources: {instance_count: 1}\nsettings: {mini_batch_size: 1}\n"
    )
    said = bash(BATCH, machine)
    assert "compute cpu-cluster means this machine here" in said
    for kind in ("uri_folder", "uri_file"):
        path = machine / f"got-{kind}" / "named-outputs" / "score" / "predictions.csv"
        with path.open(newline="") as stream:
            assert len(list(csv.reader(stream))) == 6
