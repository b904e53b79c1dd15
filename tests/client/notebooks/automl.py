"""A sweep built by the SDK, its best trial by MLflow, and an AutoML node in a pipeline."""

import json
import sys
from pathlib import Path

import mlflow
from azure.ai.ml import Input, Output, automl, load_job
from azure.ai.ml.automl import ClassificationPrimaryMetrics, SearchSpace
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.dsl import pipeline
from azure.ai.ml.entities import Model
from azure.ai.ml.sweep import BanditPolicy, Choice, Uniform

from tintype import MLClient

given = json.loads(sys.argv[1])
ml_client = MLClient(None, "subscription", "group", "workspace")
training = Input(type=AssetTypes.MLTABLE, path="./training")
validation = Input(type=AssetTypes.MLTABLE, path="./validation")
job = automl.image_classification(
    compute="gpu-cluster",
    experiment_name="sweep-from-azure",
    training_data=training,
    validation_data=validation,
    target_column_name="label",
    primary_metric=ClassificationPrimaryMetrics.ACCURACY,
    tags={"my_custom_tag": "My custom value"},
)
job.set_limits(timeout_minutes=60, max_trials=2, max_concurrent_trials=1)
job.set_training_parameters(early_stopping=1, evaluation_frequency=1)
job.extend_search_space(
    [
        SearchSpace(
            model_name=Choice([given["checkpoint"]]),
            learning_rate=Uniform(0.0001, 0.001),
            number_of_epochs=Choice([1, 2]),
        ),
        SearchSpace(model_name=Choice([given["checkpoint"]]), number_of_epochs=1),
    ]
)
job.set_sweep(
    sampling_algorithm="Random",
    early_termination=BanditPolicy(evaluation_interval=2, slack_factor=0.2, delay_evaluation=6),
)
returned = ml_client.jobs.create_or_update(job)
ml_client.jobs.stream(returned.name)
sweep = ml_client.jobs.get(returned.name + "_HD")

mlflow.set_tracking_uri(given["tracking_uri"])
client = mlflow.MlflowClient()
parent = client.get_run(returned.name)
best = client.get_run(parent.data.tags["automl_best_child_run_id"])
folder = client.download_artifacts(best.info.run_id, "outputs", ".")
assert Path(folder, "mlflow-model", "MLmodel").is_file()
model = ml_client.models.create_or_update(
    Model(
        path=f"azureml://jobs/{best.info.run_id}/outputs/artifacts/outputs/mlflow-model/",
        name="swept",
        description="the best trial",
        type=AssetTypes.MLFLOW_MODEL,
    )
)


@pipeline(description="AutoML in a pipeline")
def create_pipeline(data):
    node = automl.image_classification_multilabel(
        training_data=data,
        target_column_name="label",
        primary_metric="iou",
        outputs={"best_model": Output(type="mlflow_model")},
    )
    node.set_limits(max_trials=1, max_concurrent_trials=1)
    node.set_training_parameters(model_name=given["checkpoint"], number_of_epochs=1)


Path("many").mkdir()
Path("many", "MLTable").write_text(Path("training", "MLTable").read_text())
rows = [json.loads(line) for line in Path("training", "rows.jsonl").read_text().splitlines()]
Path("many", "rows.jsonl").write_text(
    "".join(json.dumps({**row, "label": [row["label"]]}) + "\n" for row in rows)
)
in_pipeline = create_pipeline(Input(type="mltable", path="./many"))
in_pipeline.settings.default_compute = "gpu-cluster"
multilabel = ml_client.create_or_update(in_pipeline, experiment_name="sweep-from-azure")
ml_client.jobs.begin_cancel(multilabel.name).wait()

# A YAML file that the SDK reads: its relative paths are from its own folder.
Path("jobs").mkdir()
Path("jobs", "job.yml").write_text(
    "type: automl\ntask: image_classification\nprimary_metric: accuracy\n"
    "target_column_name: label\ntraining_data: {path: ../training, type: mltable}\n"
    f"training_parameters: {{model_name: {given['checkpoint']}, number_of_epochs: 1}}\n"
)
loaded = ml_client.jobs.create_or_update(
    load_job("jobs/job.yml"), tags={"from": "file"}, description="loaded"
)
ml_client.jobs.begin_cancel(loaded.name).wait()
print(
    json.dumps(
        {
            "statuses": [
                ml_client.jobs.get(name).status
                for name in (returned.name, sweep.name, multilabel.name, loaded.name)
            ],
            "tags": [returned.tags, loaded.tags],
            "trials": len(ml_client.jobs.list(parent_job_name=sweep.name)),
            "metrics": "accuracy" in best.data.metrics,
            "model": model.id,
            "task": [loaded.type, multilabel.type],
        }
    )
)
