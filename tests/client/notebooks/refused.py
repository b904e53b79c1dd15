"""What this platform does not run: one message each, and nothing half-created."""

import json

from azure.ai.ml import Input, automl, command
from azure.ai.ml.entities import (
    AzureBlobDatastore,
    Data,
    JobSchedule,
    ManagedOnlineEndpoint,
    Model,
    PipelineComponentBatchDeployment,
    RecurrenceTrigger,
)

import tintype

ml_client = tintype.Client()
data = Input(type="mltable", path="./training")
shell = command(command="echo", environment="azureml:none:1", compute="cpu-cluster")
cases = {
    "detection": lambda: ml_client.jobs.create_or_update(
        automl.image_object_detection(training_data=data, target_column_name="label")
    ),
    "table": lambda: ml_client.create_or_update(
        automl.classification(training_data=data, target_column_name="label")
    ),
    "nothing": lambda: ml_client.jobs.create_or_update(
        automl.image_classification(
            training_data=Input(type="mltable", path="./nothing"), target_column_name="label"
        )
    ),
    "datastore": lambda: ml_client.create_or_update(
        AzureBlobDatastore(name="a", account_name="b", container_name="c")
    ),
    "schedule": lambda: ml_client.begin_create_or_update(
        JobSchedule(
            name="a", trigger=RecurrenceTrigger(frequency="day", interval=1), create_job=shell
        )
    ),
    "pipeline deployment": lambda: ml_client.begin_create_or_update(
        PipelineComponentBatchDeployment(name="abc", endpoint_name="abc", component="azureml:a:1")
    ),
    "other noun": lambda: ml_client.models.create_or_update(
        Data(name="a", path="./training", type="uri_folder")
    ),
    "name": lambda: ml_client.online_endpoints.begin_create_or_update(
        ManagedOnlineEndpoint(name="no_such_name")
    ),
    "no model": lambda: ml_client.models.create_or_update(
        Model(name="a", path="./training", type="mlflow_model")
    ),
}


def everything() -> list[list[str]]:
    nouns = (ml_client.jobs, ml_client.models, ml_client.data, ml_client.batch_endpoints)
    return [sorted(known.name for known in noun.list()) for noun in nouns]


before = everything()
messages = {}
for name, act in cases.items():
    try:
        act()
        messages[name] = "not refused"
    except tintype.errors.UsageError as error:
        messages[name] = str(error)
assert everything() == before
print(json.dumps(messages))
