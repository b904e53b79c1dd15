from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tintype.errors import DocumentError
from tintype.jobs.kinds import KINDS
from tintype.schemas.batch_deployment import (
    BatchDeploymentDocument,
    BatchResources,
    load_batch_deployment,
    read_batch_deployment,
    stored_batch_deployment,
)
from tintype.schemas.batch_endpoint import (
    BatchEndpointDocument,
    EndpointDefaults,
    load_batch_endpoint,
    stored_batch_endpoint,
)
from tintype.schemas.batch_job import (
    BatchInput,
    BatchInputs,
    BatchJob,
    load_batch_inputs,
    read_batch_job,
)
from tintype.schemas.batch_settings import BatchSettings, RetrySettings, placed_overrides
from tintype.schemas.document import Document
from tintype.schemas.job import load_job
from tintype.schemas.model_reference import InlineModel
from tintype.schemas.place import place_notices, place_of
from tintype.schemas.scoring_settings import ScoringSettings

ENDPOINT = """
$schema: https://azuremlschemas.azureedge.net/latest/batchEndpoint.schema.json
name: photos
auth_mode: aad_token
defaults:
  deployment_name: vit
"""

# The shape of Azure's own samples for all four image tasks (docs/contracts.md §8.1).
DEPLOYMENT = """
$schema: https://azuremlschemas.azureedge.net/latest/modelBatchDeployment.schema.json
name: vit
endpoint_name: photos
type: model
model: azureml:photos:1
compute: azureml:cpu-cluster
resources:
  instance_count: 1
settings:
  mini_batch_size: 1
"""

# Azure's imagenet sample: no type, everything at the root.
LEGACY = """
name: vit
endpoint_name: photos
model: {path: azureml:photos:1}
compute: azureml:cpu-cluster
instance_count: 2
mini_batch_size: 5
max_concurrency_per_instance: 2
error_threshold: 0
logging_level: INFO
retry_settings: {max_retries: 3, timeout: 300}
output_action: append_row
output_file_name: predictions.csv
environment_variables: {WORKERS: 4}
code_configuration: {code: code, scoring_script: score.py}
environment: {image: example.com/image}
"""

JOB = """
type: batch
model: azureml:photos:1
input: azureml:july:3
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "batch.yml"
    path.write_text(text, "utf-8")
    return path


def deployment(**keys: Any) -> BatchDeploymentDocument:
    content = {"name": "vit", "endpoint_name": "photos", "model": "azureml:photos:1", **keys}
    return read_batch_deployment(Document(content), Path("/"))


def endpoint(**keys: Any) -> BatchEndpointDocument:
    return load_batch_endpoint(None, (), {"name": "photos", **keys})


def job(**keys: Any) -> BatchJob:
    content = {"model": "azureml:photos:1", "input": "/july", **keys}
    return read_batch_job(Document(content), Path("/"))


def test_azures_deployment_with_the_overrides_of_its_script(tmp_path: Path) -> None:
    found = load_batch_deployment(
        write(tmp_path, DEPLOYMENT), ["settings.error_threshold=0"], {"endpoint_name": "birds"}
    )
    assert (found.name, found.endpoint_name) == ("vit", "birds")
    assert found.model_reference == "azureml:photos:1"
    assert found.instances == 1
    assert (found.settings.mini_batch_size, found.settings.error_threshold) == (1, 0)
    assert found.notices() == ["compute azureml:cpu-cluster means this machine here"]


def test_azures_older_deployment_has_the_same_keys_at_its_root(tmp_path: Path) -> None:
    found = load_batch_deployment(write(tmp_path, LEGACY))
    assert found.settings == BatchSettings(
        mini_batch_size=5,
        max_concurrency_per_instance=2,
        error_threshold=0,
        retry_settings=RetrySettings(max_retries=3, timeout=300),
        environment_variables={"WORKERS": "4"},
    )
    assert found.instances == 2
    assert [notice.split()[0] for notice in found.notices()] == [
        "code_configuration",
        "environment",
        "compute",
        "instance_count",
    ]


def test_defaults_are_azures() -> None:
    settings = deployment().settings
    assert settings.model_dump() == {
        "mini_batch_size": 10,
        "max_concurrency_per_instance": 1,
        "error_threshold": -1,
        "logging_level": "info",
        "retry_settings": {"max_retries": 3, "timeout": 30},
        "output_action": "append_row",
        "output_file_name": "predictions.csv",
        "output_format": "csv",
        "output_header": False,
        "environment_variables": {},
    }
    assert deployment().instances == 1
    assert deployment().compute == "local"
    assert deployment().notices() == []


def test_root_and_settings_may_share_the_keys_out() -> None:
    found = deployment(mini_batch_size=5, settings={"error_threshold": 0})
    assert (found.settings.mini_batch_size, found.settings.error_threshold) == (5, 0)
    # A key with nothing behind it does not count.
    assert deployment(mini_batch_size=5, settings=None).settings.mini_batch_size == 5
    emptied = deployment(mini_batch_size=5, settings={"mini_batch_size": None})
    assert emptied.settings.mini_batch_size == 5


def test_what_azures_sdk_writes() -> None:
    settings = {"output_action": "SummaryOnly", "logging_level": "Warning"}
    found = deployment(settings=settings).settings
    assert (found.output_action, found.logging_level) == ("summary_only", "warning")
    assert BatchInput.model_validate({"path": "a", "type": "UriFolder"}).type == "uri_folder"


@pytest.mark.parametrize(
    ("settings", "name", "form"),
    [
        ({}, "predictions.csv", "csv"),
        ({"output_file_name": "rows.csv"}, "rows.csv", "csv"),
        ({"output_file_name": "rows.parquet"}, "rows.parquet", "parquet"),
        ({"output_file_name": "rows.JSONL"}, "rows.JSONL", "jsonl"),
        ({"output_file_name": "rows"}, "rows", "csv"),
        ({"output_format": "parquet"}, "predictions.parquet", "parquet"),
        ({"output_format": "jsonl", "output_file_name": None}, "predictions.jsonl", "jsonl"),
        ({"output_format": "csv"}, "predictions.csv", "csv"),
        ({"output_format": "csv", "output_file_name": "rows.parquet"}, "rows.parquet", "csv"),
    ],
)
def test_file_name_and_format_follow_each_other(
    settings: dict[str, Any], name: str, form: str
) -> None:
    found = deployment(settings=settings).settings
    assert (found.output_file_name, found.output_format) == (name, form)
    # What was made up is not kept, so that a later override of the one decides on the other.
    given = {key for key, value in settings.items() if value is not None}
    kept = found.model_dump(exclude_unset=True)
    assert set(kept) == given
    assert BatchSettings.model_validate(kept) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            DEPLOYMENT + "  mini_batch_siz: 2\n",
            r"batch.yml:12: settings.mini_batch_siz: unknown key. Did you mean 'mini_batch_size'",
        ),
        (
            DEPLOYMENT + "setings: {}\n",
            r"batch.yml:12: setings: unknown key. Did you mean 'settings'",
        ),
        (
            DEPLOYMENT + "mini_batch_size: 2\n",
            r"batch.yml:12: mini_batch_size: stands here and as settings.mini_batch_size; keep one",
        ),
        (
            DEPLOYMENT + "instance_count: 2\n",
            r"batch.yml:12: instance_count: stands here and as resources.instance_count; keep one",
        ),
        (
            DEPLOYMENT + "  runtime: torch\n",
            r"batch.yml:10: settings: runtime given; in a batch document that key stands below scoring",
        ),
        (
            DEPLOYMENT + "scoring:\n  runtme: torch\n",
            r"batch.yml:13: scoring.runtme: unknown key. Did you mean 'runtime'",
        ),
        (
            DEPLOYMENT + "scoring:\n  runtime: torhc\n",
            r"batch.yml:13: scoring.runtime: 'torhc' given; expected .*Did you mean 'torch'",
        ),
        (
            DEPLOYMENT.replace("type: model", "type: pipeline"),
            r"batch.yml:5: type: a pipeline component cannot be deployed here",
        ),
        (
            DEPLOYMENT.replace("type: model", "type: modl"),
            r"batch.yml:5: type: 'modl' given; expected 'model'. Did you mean 'model'",
        ),
        (
            DEPLOYMENT.replace("mini_batch_size: 1", "mini_batch_size: 0"),
            r"batch.yml:11: settings.mini_batch_size: 0 given; expected greater than or equal to 1",
        ),
        (
            DEPLOYMENT.replace("mini_batch_size: 1", "mini_batch_size: yes"),
            r"batch.yml:11: settings.mini_batch_size: true given; expected a whole number",
        ),
        (
            DEPLOYMENT + "  error_threshold: -2\n",
            r"batch.yml:12: settings.error_threshold: -2 given; expected greater than or equal to -1",
        ),
        (
            DEPLOYMENT + "  error_threshold: 2147483648\n",
            r"batch.yml:12: settings.error_threshold: .*less than or equal to 2147483647",
        ),
        (
            DEPLOYMENT + "  max_concurrency_per_instance: 0\n",
            r"batch.yml:12: settings.max_concurrency_per_instance: .*greater than or equal to 1",
        ),
        (
            DEPLOYMENT + "  logging_level: verbose\n",
            r"batch.yml:12: settings.logging_level: 'verbose' given; expected 'warning', 'info' or 'debug'",
        ),
        (
            DEPLOYMENT + "  retry_settings: {max_retries: -1}\n",
            r"batch.yml:12: settings.retry_settings.max_retries: -1 given; expected greater than or equal to 0",
        ),
        (
            DEPLOYMENT + "  retry_settings: {timeout: 0}\n",
            r"batch.yml:12: settings.retry_settings.timeout: 0 given; expected greater",
        ),
        (
            DEPLOYMENT + "  retry_settings: {max_retry: 1}\n",
            r"batch.yml:12: settings.retry_settings.max_retry: unknown key. Did you mean 'max_retries'",
        ),
        (
            DEPLOYMENT + "  output_action: append\n",
            r"batch.yml:12: settings.output_action: 'append' given; expected 'append_row' or 'summary_only'.*Did you mean 'append_row'",
        ),
        (
            DEPLOYMENT + "  output_file_name: ../rows.csv\n",
            r"batch.yml:12: settings.output_file_name: '../rows.csv' given; expected the name of a file",
        ),
        (
            DEPLOYMENT + "  output_file_name: ''\n",
            r"batch.yml:12: settings.output_file_name: '' given; expected the name of a file",
        ),
        (
            DEPLOYMENT + "  output_format: xlsx\n",
            r"batch.yml:12: settings.output_format: 'xlsx' given; expected 'csv', 'parquet' or 'jsonl'",
        ),
        (
            DEPLOYMENT + "  environment_variables: {'A=B': c}\n",
            r"batch.yml:12: settings.environment_variables: 'A=B': no name",
        ),
        (
            DEPLOYMENT.replace("instance_count: 1", "instance_count: 0"),
            r"batch.yml:9: resources.instance_count: 0 given; expected greater than or equal to 1",
        ),
        (
            DEPLOYMENT.replace("instance_count: 1", "instances: 1"),
            r"batch.yml:9: resources.instances: unknown key. Did you mean 'instance_",
        ),
        (
            DEPLOYMENT.replace("azureml:photos:1", "azureml:photos"),
            r"batch.yml:6: model: .*expected azureml:photos:1 or azureml:photos@latest",
        ),
        (
            DEPLOYMENT.replace("azureml:photos:1", "./missing"),
            r"batch.yml:6: model: there is no folder ./missing",
        ),
        (
            DEPLOYMENT.replace("azureml:cpu-cluster", "ray:/head"),
            r"batch.yml:7: compute: 'ray:/head' given; expected local, ray, ray://host:port or a cl",
        ),
        (
            LEGACY.replace("size: 5", "size: many"),
            r"batch.yml:7: mini_batch_size: 'many' given; expected a valid integer",
        ),
        (
            LEGACY.replace("max_retries: 3", "max_retries: x"),
            r"batch.yml:11: retry_settings.max_retries: 'x' given; expected a valid integer",
        ),
        (
            LEGACY.replace("instance_count: 2", "instance_count: 0"),
            r"batch.yml:6: instance_count: 0 given; expected greater than or equal to 1",
        ),
        (
            ENDPOINT.replace("deployment_name", "deployment"),
            r"batch.yml:6: defaults.deployment: unknown key. Did you mean 'deployment_name'",
        ),
        (
            ENDPOINT.replace("name: vit", "name: v"),
            r"batch.yml:6: defaults.deployment_name: 'v' given; expected 3 to 32",
        ),
        (
            ENDPOINT.replace("aad_token", "password"),
            r"batch.yml:4: auth_mode: 'password' given; expected 'key'",
        ),
        (
            ENDPOINT.replace("name: photos", "name: 1photos"),
            r"batch.yml:3: name: '1photos' given; expected 3 to 32",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    load = load_batch_endpoint if "auth_mode" in text else load_batch_deployment
    with pytest.raises(DocumentError, match=message) as caught:
        load(write(tmp_path, text))
    # One complaint for one mistake.
    assert len(str(caught.value).splitlines()) == 1
    assert "pydantic" not in str(caught.value)


def test_how_an_endpoint_is_asked_means_nothing_here() -> None:
    assert endpoint().notices() == endpoint(auth_mode="AADToken").notices() == []
    (notice,) = endpoint(auth_mode="Key").notices()
    assert notice.startswith("auth_mode key has no effect here")


def test_what_show_adds_is_dropped() -> None:
    added = {
        "id": "/subscriptions/x",
        "location": "westeurope",
        "provisioning_state": "Succeeded",
        "creation_context": {"created_at": "2025-01-01"},
        "created_at": "2025-01-01",
    }
    assert endpoint(**added, scoring_uri="https://x/jobs", description=None) == endpoint()
    assert deployment(**added, model_source="/m", tags=None) == deployment()


def test_keys_of_a_deployment_without_effect() -> None:
    found = deployment(
        model={"path": "azureml:photos:1", "name": "photos"},
        resources={"instance_count": 3, "instance_type": "cpu", "shm_size": "1g"},
    )
    assert isinstance(found.model, InlineModel)
    assert found.instances == 3
    assert [notice.split()[0] for notice in found.notices()] == [
        "model.name",
        "resources.instance_type",
        "resources.shm_size",
        "instance_count",
    ]


def test_a_model_folder_is_from_the_document(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for text in ("./mine", "mine", "{path: ./mine}"):
        path = write(tmp_path, DEPLOYMENT.replace("azureml:photos:1", text))
        assert load_batch_deployment(path).model_reference == str(tmp_path / "mine")


@pytest.mark.parametrize("text", [DEPLOYMENT, LEGACY], ids=["settings", "root"])
def test_a_stored_deployment_is_the_same_one(text: str) -> None:
    content = yaml.safe_load(text)
    content["scoring"] = {"labels": "a, b", "prompt": "a {}", "exact": False}
    found = deployment(**content)
    kept = found.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
    again = stored_batch_deployment(json.loads(json.dumps(kept)))
    assert again == found
    assert again.notices() == found.notices()
    assert deployment(**kept) == found
    assert again.scoring.labels == ["a", "b"]


def test_a_stored_endpoint_is_the_same_one() -> None:
    found = endpoint(auth_mode="key", tags={"n": 1}, defaults={"deployment_name": "vit"})
    kept = found.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
    assert stored_batch_endpoint(json.loads(json.dumps(kept))) == found
    assert kept["tags"] == {"n": "1"}


def test_a_job_document_and_its_paths(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    text = """
type: batch
name: july-1
model: ./model
inputs:
  a: july/pictures
  b: {path: ../august.csv, type: uri_file}
  c: azureml:july@latest
  d: azureml://datastores/photos/paths/july
  e: https://example.com/july.csv
  f: 'a: b'
output_path: rows
mini_batch_size: 4
settings: {error_threshold: 0}
environment: azureml:env:1
"""
    found = load_job(write(tmp_path, text))
    assert isinstance(found, BatchJob)
    assert found.model == str(tmp_path / "model")
    assert {name: files.path for name, files in found.inputs.items()} == {
        "a": str(tmp_path / "july/pictures"),
        "b": str(tmp_path.parent / "august.csv"),
        "c": "azureml:july@latest",
        "d": "azureml://datastores/photos/paths/july",
        "e": "https://example.com/july.csv",
        "f": str(tmp_path / "a: b"),
    }
    assert found.inputs["b"].type == "uri_file"
    assert found.output_path == str(tmp_path / "rows")
    assert (found.settings.mini_batch_size, found.settings.error_threshold) == (4, 0)
    assert (found.experiment_name, found.instance_count, found.compute) == ("batch", 1, "local")
    assert found.notices() == ["environment has no effect here"]


def test_one_input_needs_no_name(tmp_path: Path) -> None:
    found = load_job(write(tmp_path, JOB), ["input=here"])
    assert isinstance(found, BatchJob)
    assert found.inputs == {"input": BatchInput(path=str(tmp_path / "here"))}


def test_a_stored_job_is_the_same_one() -> None:
    found = job(
        input={"path": "july", "type": "uri_folder"},
        output_path="rows",
        compute="ray",
        instance_count=2,
        endpoint_name="photos",
        deployment_name="vit",
        tags={"n": 1},
        settings={"output_format": "parquet", "retry_settings": {"timeout": "PT1M"}},
        scoring={"task": "embeddings", "normalize": True},
    )
    # As submit_job keeps it.
    kept = found.model_dump(mode="json", exclude={"schema_"}, exclude_unset=True)
    content = {"type": "batch", "name": "kind_lens_1", **kept}
    again = KINDS["batch"].read(json.loads(json.dumps(content)))
    # Where it was read from is not kept.
    assert again == found.model_copy(update={"name": "kind_lens_1", "source": None})
    assert isinstance(again, BatchJob)
    assert again.settings.output_file_name == "predictions.parquet"
    assert again.settings.retry_settings.timeout == 60


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (JOB.replace("input: azureml:july:3\n", ""), r"batch.yml: inputs: is required and missing"),
        (
            JOB.replace("input: azureml:july:3", "inputs: {}"),
            r"batch.yml:4: inputs: is empty; expected at least one name",
        ),
        (JOB + "inputs: {a: b}\n", r"batch.yml:4: input: stands beside inputs; name it there"),
        (
            JOB.replace("azureml:july:3", "{pth: july}"),
            r"batch.yml:4: input.path: is required and missing",
        ),
        (JOB.replace("azureml:july:3", "''"), r"batch.yml:4: input: is empty"),
        (
            JOB.replace("azureml:july:3", "s3://july/x"),
            r"batch.yml:4: input: 's3://july/x' cannot be read; use a path, azureml: or http",
        ),
        (
            JOB.replace("azureml:july:3", "{path: a, type: url_file}"),
            r"batch.yml:4: input.type: 'url_file' given; expected .*Did you mean 'uri_file'",
        ),
        (
            JOB + "output_path: azureml://datastores/a/paths/b\n",
            r"batch.yml:5: output_path: .*expected a folder on this machine",
        ),
        (JOB + "name: a b\n", r"batch.yml:5: name: 'a b' given"),
        (
            JOB + "mini_batch_size: 1\nsettings: {mini_batch_size: 2}\n",
            r"batch.yml:5: mini_batch_size: stands here and as settings",
        ),
        (
            JOB + "endpoint: photos\n",
            r"batch.yml:5: endpoint: unknown key. Did you mean 'endpoint_name'",
        ),
    ],
)
def test_what_is_wrong_with_a_job_is_said_with_its_line(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(DocumentError, match=message):
        load_job(write(tmp_path, text))


def test_inputs_of_an_invocation(tmp_path: Path) -> None:
    text = "inputs:\n  a: {type: uri_folder, path: july}\n  b: azureml:july:3\n"
    assert load_batch_inputs(write(tmp_path, text)) == {
        "a": BatchInput(path=str(tmp_path / "july"), type="uri_folder"),
        "b": BatchInput(path="azureml:july:3"),
    }
    assert list(load_batch_inputs(write(tmp_path, "input: july\n"))) == ["input"]
    with pytest.raises(DocumentError, match=r"batch.yml:1: input: .*Did you mean|expected"):
        load_batch_inputs(write(tmp_path, "input: [a]\n"))
    with pytest.raises(DocumentError, match=r"batch.yml:2: mini_batch_size: unknown key"):
        load_batch_inputs(write(tmp_path, "input: a\nmini_batch_size: 1\n"))


def test_settings_at_the_root_of_an_override() -> None:
    given = ["mini_batch_size=2", "retry_settings.timeout=5", "settings.error_threshold=0", "a=b"]
    assert placed_overrides(given) == [
        "settings.mini_batch_size=2",
        "settings.retry_settings.timeout=5",
        "settings.error_threshold=0",
        "a=b",
    ]


@pytest.mark.parametrize(
    "model",
    [
        BatchEndpointDocument,
        EndpointDefaults,
        BatchDeploymentDocument,
        BatchResources,
        BatchSettings,
        RetrySettings,
        ScoringSettings,
        BatchJob,
        BatchInput,
        BatchInputs,
    ],
)
def test_every_key_says_what_it_means(model: Any) -> None:
    script = Path(__file__).parents[2] / "samples" / "write_job_docs.py"
    table = runpy.run_path(str(script))["section"]("keys", model)
    shown = [name for name, field in model.model_fields.items() if not field.exclude]
    assert len(table.splitlines()) == 4 + len(shown)


@pytest.mark.parametrize(
    ("compute", "place", "said"),
    [
        ("local", "local", []),
        ("cpu-cluster", "local", ["compute cpu-cluster means this machine here"]),
        ("azureml:gpu", "local", ["compute azureml:gpu means this machine here"]),
        # A name that only begins like ray.
        ("rays-cluster", "local", ["compute rays-cluster means this machine here"]),
        (
            "azureml:/subscriptions/s/computes/gpu",
            "local",
            ["compute azureml:/subscriptions/s/computes/gpu means this machine here"],
        ),
        ("ray", "ray", []),
        ("ray://head:10001", "ray://head:10001", []),
    ],
)
def test_where_a_compute_is(compute: str, place: str, said: list[str]) -> None:
    assert place_of(compute) == place
    assert place_notices(compute) == said
