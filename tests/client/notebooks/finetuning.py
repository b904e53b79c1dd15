"""Fine-tune by Azure's component in a pipeline function, look at the run, register the model."""

import json
import sys
from pathlib import Path

import mlflow
from azure.ai.ml import Input
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.dsl import pipeline
from azure.ai.ml.entities import Data, Model
from azure.core.exceptions import ResourceNotFoundError
from azure.identity import DefaultAzureCredential

from tintype import MLClient

given = json.loads(sys.argv[1])
credential = DefaultAzureCredential()
ml_client = MLClient.from_config(credential)
ml_client = MLClient(
    credential, ml_client.subscription_id, ml_client.resource_group_name, ml_client.workspace_name
)
registry_client = MLClient(credential, registry_name="azureml")

try:
    ml_client.data.get("photos", label="latest")
    raise AssertionError("there are no photos yet")
except ResourceNotFoundError:
    photos = ml_client.data.create_or_update(
        Data(name="photos", path=given["photos"], type=AssetTypes.URI_FOLDER, description="Photos")
    )
print(photos)


def write_table(folder: str, rows: list[dict[str, str]]) -> None:
    Path(folder).mkdir()
    Path(folder, "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path(folder, "MLTable").write_text(
        "paths:\n  - file: ./rows.jsonl\ntransformations:\n  - read_json_lines:\n"
        "      encoding: utf8\n      invalid_lines: error\n"
        "  - convert_column_types:\n      - columns: image_url\n        column_type: stream_info\n"
    )


rows = [
    {"image_url": photos.path + f"{image.parent.name}/{image.name}", "label": image.parent.name}
    for image in sorted(Path(given["photos"]).glob("*/*.png"))
]
write_table("training", [row for n, row in enumerate(rows) if n % 4])
write_table("validation", rows[::4])

name = "microsoft-beit-base-patch16-224-pt22k-ft22k"
foundation = max(registry_client.models.list(name), key=lambda model: int(model.version))
assert foundation.id.startswith(f"azureml://registries/azureml/models/{name}/versions/")
finetune = registry_client.components.get(
    name="transformers_image_classification_pipeline", label="latest"
)
parameters = {
    "model_family": "HuggingFaceImage",
    "model_name": given["checkpoint"],
    "image_width": -1,
    "image_height": -1,
    "task_name": "image-classification",
    "apply_augmentations": True,
    "number_of_workers": 8,
    "deepspeed_config": None,
    "auto_find_batch_size": False,
    "precision": "32",
    "random_seed": 42,
    "evaluation_strategy": "epoch",
    "save_strategy": "epoch",
    "save_total_limit": -1,
    "early_stopping": False,
    "early_stopping_patience": 1,
    "save_as_mlflow_model": True,
    "learning_rate": 5e-4,
    "training_batch_size": 8,
}


@pipeline()
def create_pipeline(epochs: int):
    node = finetune(
        compute_model_import="cpu-cluster",
        compute_finetune="gpu-cluster",
        compute_model_evaluation="gpu-cluster",
        training_data=Input(type=AssetTypes.MLTABLE, path="training"),
        validation_data=Input(type=AssetTypes.MLTABLE, path="./validation"),
        test_data=Input(type=AssetTypes.MLTABLE, path="./validation"),
        instance_count=1,
        process_count_per_instance=1,
        number_of_epochs=epochs,
        **parameters,
    )
    return {"trained_model": node.outputs.mlflow_model_folder}


job = create_pipeline(epochs=2)
job.display_name = "stripes by Azure's component"
job.settings.force_rerun = True
run = ml_client.jobs.create_or_update(job, experiment_name="from-azure")
print(f"see {run.studio_url}, {run.services['Studio'].endpoint}")
ml_client.jobs.stream(run.name)
ended = ml_client.jobs.get(run.name)
print(ended.outputs)

mlflow.set_tracking_uri(given["tracking_uri"])
# The pipeline's run, and its node's, which has the parameters.
runs = mlflow.search_runs(
    experiment_names=["from-azure"],
    filter_string="tags.mlflow.rootRunId='" + run.name + "'",
    output_format="list",
)
[found] = [each for each in runs if "number_of_epochs" in each.data.params]

model = ml_client.models.create_or_update(
    Model(
        path=f"azureml://jobs/{run.name}/outputs/trained_model",
        type=AssetTypes.MLFLOW_MODEL,
        name="stripes",
        version="1700000000",
        description="stripes, fine-tuned",
    )
)
print(
    json.dumps(
        {
            "data_path": photos.path,
            "status": ended.status,
            "type": ended.type,
            "display_name": ended.display_name,
            "accuracy": found.data.metrics["accuracy"],
            "epochs": found.data.params["number_of_epochs"],
            "model": model.id,
        }
    )
)
