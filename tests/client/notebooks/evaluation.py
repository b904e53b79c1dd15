"""Evaluate a registered model by Azure's component in a pipeline function."""

import json
import sys
from pathlib import Path

import mlflow
from azure.ai.ml import Input
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.dsl import pipeline

from tintype import MLClient

given = json.loads(sys.argv[1])
ml_client = MLClient()
registry_client = MLClient(registry_name="azureml")
evaluate = registry_client.components.get(name="model_evaluation_pipeline", label="latest")
Path("config.json").write_text(json.dumps({"metrics": ["accuracy", "f1_score_macro"]}))


@pipeline()
def evaluation_pipeline(mlflow_model):
    node = evaluate(
        mlflow_model=mlflow_model,
        test_data=Input(type=AssetTypes.MLTABLE, path="./validation"),
        label_column_name="label",
        input_column_names="image_url",
        task="image-classification",
        evaluation_config=Input(type=AssetTypes.URI_FILE, path="./config.json"),
        compute_name="gpu-cluster",
        instance_type="STANDARD_NC4AS_T4_V3",
        device="gpu",
    )
    return {"evaluation_result": node.outputs.evaluation_result}


model = ml_client.models.get("stripes", version="1700000000")
job = evaluation_pipeline(mlflow_model=Input(type=AssetTypes.MLFLOW_MODEL, path=f"{model.id}"))
job.settings.force_rerun = True
job.settings.default_compute = "gpu-cluster"
job.display_name = "judged"
run = ml_client.jobs.create_or_update(job, experiment_name="judged-from-azure")
ml_client.jobs.stream(run.name)
mlflow.set_tracking_uri(given["tracking_uri"])
# The pipeline's run and its node's: both have the metrics, as Azure copies them to the root.
found, same = mlflow.search_runs(
    experiment_names=["judged-from-azure"],
    filter_string="tags.mlflow.rootRunId='" + run.name + "'",
    output_format="list",
)
assert found.data.metrics == same.data.metrics
print(json.dumps({"status": ml_client.jobs.get(run.name).status, "metrics": found.data.metrics}))
