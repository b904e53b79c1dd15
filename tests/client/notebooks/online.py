"""Deploy a registered model behind an online endpoint, ask it, change both, delete them."""

import base64
import json
import sys
from pathlib import Path

from azure.ai.ml.entities import (
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    OnlineRequestSettings,
    ProbeSettings,
)
from azure.core.exceptions import ResourceNotFoundError

from tintype import Client

given = json.loads(sys.argv[1])
ml_client = Client()
model = ml_client.models.get("stripes", label="latest")
endpoint = ManagedOnlineEndpoint(
    name="stripes-online", description="stripes", auth_mode="key", tags={"foo": "bar"}
)
ml_client.begin_create_or_update(endpoint).result()
deployment = ManagedOnlineDeployment(
    name="stripes-mlflow-deploy",
    endpoint_name=endpoint.name,
    model=model.id,
    instance_type="Standard_DS3_V2",
    instance_count=1,
    request_settings=OnlineRequestSettings(
        max_concurrent_requests_per_instance=1, request_timeout_ms=90000, max_queue_wait_ms=500
    ),
    liveness_probe=ProbeSettings(
        failure_threshold=49, success_threshold=1, timeout=299, period=180, initial_delay=180
    ),
    readiness_probe=ProbeSettings(
        failure_threshold=10, success_threshold=1, timeout=10, period=10, initial_delay=2000
    ),
)
ml_client.online_deployments.begin_create_or_update(deployment).wait()
endpoint.traffic = {deployment.name: 100}
ml_client.begin_create_or_update(endpoint).result()

shown = ml_client.online_endpoints.get(name=endpoint.name)
print(shown.traffic, shown.scoring_uri, shown.provisioning_state, shown.tags)
image = base64.encodebytes(Path(given["photo"]).read_bytes()).decode("utf-8")
Path("request.json").write_text(json.dumps({"input_data": {"columns": ["image"], "data": [image]}}))
answers = [
    ml_client.online_endpoints.invoke(
        endpoint_name=endpoint.name, deployment_name=name, request_file="request.json"
    )
    for name in (deployment.name, None)
]
prediction = json.loads(answers[0])[0]
assert json.loads(answers[1])[0] == prediction

# What was got can be changed and given back, and its document by the SDK's own object.
shown.traffic[deployment.name] = 0
ml_client.online_endpoints.begin_create_or_update(shown).result()
stopped = ml_client.online_endpoints.get(endpoint.name).traffic
placed = ml_client.online_deployments.get(name=deployment.name, endpoint_name=endpoint.name)
placed.tags = {"changed": "yes"}
ml_client.begin_create_or_update(placed).result()
# A model that the registry gave stands for its reference; without `model.id`.
deployment.model = model
deployment.instance_count = 2
ml_client.begin_create_or_update(deployment).result()
[listed] = ml_client.online_deployments.list(endpoint_name=endpoint.name)
logs = ml_client.online_deployments.get_logs(
    name=deployment.name, endpoint_name=endpoint.name, lines=50
)
keys = ml_client.online_endpoints.get_keys(name=endpoint.name)
ml_client.online_deployments.begin_delete(deployment.name, endpoint.name).wait()
ml_client.online_endpoints.begin_delete(name=endpoint.name).wait()
try:
    ml_client.online_endpoints.get(endpoint.name)
    raise AssertionError("it was deleted")
except ResourceNotFoundError as error:
    print(error)
print(
    json.dumps(
        {
            "prediction": prediction,
            "traffic": [shown.traffic, stopped],
            "tags": placed.tags,
            "instances": listed.instance_count,
            "model": listed.model,
            "answering": "answering" in logs,
            "keys": len({keys.primary_key, keys.secondary_key}),
        }
    )
)
