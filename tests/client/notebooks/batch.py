"""Deploy a registered model behind a batch endpoint, score a folder, read the rows."""

import csv
import json
import sys
from pathlib import Path

from azure.ai.ml import Input
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import (
    BatchDeployment,
    BatchEndpoint,
    BatchRetrySettings,
    ModelBatchDeployment,
    ModelBatchDeploymentSettings,
)

from tintype import MLClient

given = json.loads(sys.argv[1])
ml_client = MLClient()
model = ml_client.models.get("stripes", label="latest")
ml_client.begin_create_or_update(BatchEndpoint(name="stripes-batch", description="b")).result()
ml_client.begin_create_or_update(
    BatchDeployment(
        name="demo",
        endpoint_name="stripes-batch",
        model=model.id,
        compute="cpu-cluster",
        error_threshold=0,
        instance_count=1,
        logging_level="info",
        max_concurrency_per_instance=1,
        mini_batch_size=2,
        output_file_name="predictions.csv",
        retry_settings=BatchRetrySettings(max_retries=3, timeout=600),
    )
).result()
other = ml_client.batch_deployments.begin_create_or_update(
    ModelBatchDeployment(
        name="other",
        endpoint_name="stripes-batch",
        model=model,
        compute="cpu-cluster",
        settings=ModelBatchDeploymentSettings(
            mini_batch_size=5,
            instance_count=2,
            max_concurrency_per_instance=1,
            output_action="append_row",
            output_file_name="predictions.csv",
            retry_settings=BatchRetrySettings(max_retries=3, timeout=300),
            logging_level="info",
        ),
    )
).result()
endpoint = ml_client.batch_endpoints.get("stripes-batch")
endpoint.defaults.deployment_name = "demo"
ml_client.begin_create_or_update(endpoint).result()
endpoint = ml_client.batch_endpoints.get("stripes-batch")

files = Input(path=given["photos"], type=AssetTypes.URI_FOLDER)
job = ml_client.batch_endpoints.invoke(
    endpoint_name=endpoint.name, input=files, params_override=[{"mini_batch_size": "20"}]
)
ml_client.jobs.stream(job.name)
named = ml_client.batch_endpoints.invoke(
    endpoint_name=endpoint.name, deployment_name="other", inputs={"photos": files}
)
ml_client.jobs.stream(named.name)
child = next(iter(ml_client.jobs.list(parent_job_name=job.name)))
for _ in range(2):
    ml_client.jobs.download(name=child.name, download_path="./got", output_name="score")
with Path("got", "named-outputs", "score", "predictions.csv").open() as stream:
    rows = list(csv.reader(stream))
jobs = {known.name for known in ml_client.batch_endpoints.list_jobs(endpoint_name=endpoint.name)}
ml_client.batch_endpoints.begin_delete(name=endpoint.name).result()
print(
    json.dumps(
        {
            "default": endpoint.defaults.deployment_name,
            "other": [other.settings.mini_batch_size, other.resources.instance_count],
            "status": ml_client.jobs.get(job.name).status,
            "rows": len(rows),
            "columns": len(rows[0]),
            "jobs": jobs == {job.name, named.name},
            "left": [known.name for known in ml_client.batch_endpoints.list()],
        }
    )
)
