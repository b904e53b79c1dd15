"""From whatever describes a thing to its document; stand-ins for azure-ai-ml's objects."""

from __future__ import annotations

import enum
import sys
import types
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from checkpoints import write_checkpoint

from tintype import automl
from tintype.client import Client
from tintype.client.azure_objects import azure_content, azure_input, is_azure
from tintype.client.described import described, noun_of
from tintype.client.records import Record
from tintype.errors import DocumentError, UsageError
from tintype.schemas.batch_deployment import read_batch_deployment
from tintype.schemas.job import parse_job
from tintype.schemas.online_deployment import read_online_deployment


def azure(name: str, content: Any = None, *bases: str, **attributes: Any) -> Any:
    """An object of a class of azure-ai-ml by its names, which writes `content`."""
    module = {"__module__": "azure.ai.ml.entities._stand_in"}
    known: tuple[type, ...] = tuple(type(base, (), dict(module)) for base in bases)
    kind = type(name, known, {**module, "_to_dict": lambda self: content})
    made = kind()
    for key, value in attributes.items():
        setattr(made, key, value)
    return made


def test_nouns_of_azures_classes() -> None:
    assert noun_of(azure("ImageClassificationJob", {}, "AutoMLJob", "Job")) == "jobs"
    assert noun_of(azure("ManagedOnlineEndpoint", {}, "OnlineEndpoint")) == "online_endpoints"
    assert noun_of(azure("ModelBatchDeployment", {}, "BatchDeployment")) == "batch_deployments"
    assert noun_of(azure("AmlCompute", {}, "Compute")) == "compute"
    assert noun_of(Record.of("batch_endpoints", {})) == "batch_endpoints"
    assert noun_of(automl.image_classification(training_data="x")) == "jobs"
    assert not is_azure(types.SimpleNamespace())
    for thing, told in (
        (azure("Datastore", {}), "Datastore has no counterpart here; name its folder in"),
        (azure("Unheard", {}), "Unheard has no counterpart here; expected Job"),
        (3, "int given, which does not say what it describes"),
        ({"type": "automl"}, "dict given"),
    ):
        with pytest.raises(UsageError, match=told):
            noun_of(thing)


def test_a_job_is_as_its_yaml_would_be(tmp_path: Path) -> None:
    class Metric(enum.StrEnum):
        ACCURACY = "accuracy"

    content = OrderedDict(
        type="automl",
        tags={},
        properties={},
        compute="azureml:gpu",
        outputs={},
        log_verbosity="info",
        training_data=OrderedDict(type="mltable", path="azureml:./train"),
        validation_data={"type": "mltable", "path": "azureml:photos:3"},
        limits={"max_trials": 10, "timeout_minutes": None},
        sweep={
            "sampling_algorithm": "random",
            "early_termination": {
                "type": "bandit",
                "slack_factor": 0.2,
                "slack_amount": 0.0,
                "evaluation_interval": 2,
                "delay_evaluation": 6,
            },
        },
        search_space=({"model_name": {"type": "choice", "values": ["vitb16r224"]}},),
        task="image_classification",
        primary_metric=Metric.ACCURACY,
        target_column_name="label",
    )
    job = azure("ImageClassificationJob", content, "Job", base_path=str(tmp_path))
    document, folder = described(job, "jobs", ["limits.max_trials=4"])
    read = parse_job(document, folder)
    assert read.type == "automl"
    assert read.training_data.path == str(tmp_path / "train")
    assert read.validation_data is not None
    assert read.validation_data.path == "azureml:photos:3"
    assert read.limits.max_trials == 4
    assert document.data["primary_metric"] == "accuracy"
    assert document.data["sweep"]["early_termination"]["slack_factor"] == 0.2
    assert not {"tags", "properties", "outputs"} & set(document.data)

    # One that the SDK read from a file: its folder is that file's, whatever the base path.
    loaded = azure(
        "J", content, "Job", base_path="/elsewhere", _source_path=str(tmp_path / "a.yml")
    )
    assert described(loaded, "jobs")[1] == tmp_path
    content["task"] = "image_object_detection"
    with pytest.raises(DocumentError, match=r"^ImageClassificationJob: task: task 'image_object"):
        parse_job(*described(job, "jobs"))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("azureml:./train", "./train"),
        ("azureml:data/train", "data/train"),
        ("azureml:train", "train"),
        ("azureml:/photos/train", "/photos/train"),
        ("azureml:https://a.b/c", "https://a.b/c"),
        ("azureml:photos:1", "azureml:photos:1"),
        ("azureml:photos@latest", "azureml:photos@latest"),
        ("azureml://datastores/a/paths/b", "azureml://datastores/a/paths/b"),
        ("azureml://jobs/a/outputs/b", "azureml://jobs/a/outputs/b"),
    ],
)
def test_paths_behind_azures_prefix(written: str, read: str) -> None:
    assert azure_content(azure("Data", {"path": written})) == {"path": read}


def test_deployments(tmp_path: Path) -> None:
    model = write_checkpoint(tmp_path / "vit")
    made_up = "1e5df1e238f169e530f1ece503cad5f557c9671abb107f5ec75026c5088483ad"
    content = {
        "name": "blue",
        "endpoint_name": "photos",
        "type": "managed",
        "app_insights_enabled": False,
        "environment_variables": {},
        "instance_type": "Standard_DS3_v2",
        "model": {
            "name": made_up,
            "version": "1",
            "type": "custom_model",
            "path": str(model),
            "properties": {},
            "tags": {},
        },
    }
    deployment = azure("ManagedOnlineDeployment", content, "OnlineDeployment")
    read = read_online_deployment(*described(deployment, "online_deployments"))
    assert read.model_reference == str(model)
    assert [line.split()[0] for line in read.notices()] == ["instance_type"]

    content = {
        "name": "blue",
        "endpoint_name": "photos",
        "model": "azureml:photos:1",
        "compute": "azureml:cpu",
        "resources": {"instance_count": 2, "properties": {}},
        "settings": {"instance_count": 2, "mini_batch_size": 5},
    }
    batch = azure("ModelBatchDeployment", content, "BatchDeployment")
    checked = read_batch_deployment(*described(batch, "batch_deployments"))
    assert (checked.instances, checked.settings.mini_batch_size) == (2, 5)
    del content["resources"]
    checked = read_batch_deployment(*described(batch, "batch_deployments"))
    assert checked.instances == 2


def test_a_model_of_the_registry_stands_for_its_reference() -> None:
    known = types.SimpleNamespace(id="azureml:photos:7")
    deployment = azure("ManagedOnlineDeployment", {}, "OnlineDeployment", model=known)
    type(deployment)._to_dict = lambda self: {"model": self.model}
    assert azure_content(deployment) == {"model": "azureml:photos:7"}
    assert deployment.model is known

    def fail(self: Any) -> None:
        raise ValueError("no such field")

    type(deployment)._to_dict = fail
    with pytest.raises(UsageError, match="this ManagedOnlineDeployment cannot be written as YAML"):
        azure_content(deployment)


def test_inputs() -> None:
    given = azure("Input", path="./july", type="uri_folder", mode=None)
    assert azure_input(given) == {"path": "./july", "type": "uri_folder"}
    assert azure_input("july") == "july"


def test_a_noun_takes_its_own_alone() -> None:
    client = Client()
    data = azure("Data", {"name": "a", "path": "/tmp"}, "Artifact")
    with pytest.raises(UsageError, match=r"Data given to client.models; give it to client.data"):
        client.models.create_or_update(data)
    endpoint = Record.of("batch_endpoints", {"name": "photos"})
    with pytest.raises(UsageError, match=r"Record given to client.online_endpoints"):
        client.online_endpoints.begin_create_or_update(endpoint)
    with pytest.raises(UsageError, match="int given"):
        client.jobs.create_or_update(3)
    compute = azure("AmlCompute", {"name": "gpu", "type": "amlcompute"}, "Compute")
    assert client.begin_create_or_update(compute).result(60).place == "local"
    with pytest.raises(UsageError, match=r"Data given to client.compute; give it to client.data"):
        client.compute.create_or_update(data)


def test_what_a_verb_gave_can_be_changed_and_given_back(tmp_path: Path) -> None:
    client = Client()
    made = azure("BatchEndpoint", {"name": "photos", "tags": {}, "auth_mode": "aad_token"})
    client.begin_create_or_update(made).result(60)
    model = write_checkpoint(tmp_path / "vit")
    content = {"name": "vit", "endpoint_name": "photos", "model": str(model)}
    # A mapping does not say its noun, so it is given to that.
    client.batch_deployments.begin_create_or_update(content).result(60)
    endpoint = client.batch_endpoints.get("photos")
    endpoint.defaults.deployment_name = "vit"
    endpoint.tags["team"] = "one"
    client.begin_create_or_update(endpoint).result(60)
    endpoint = client.batch_endpoints.get("photos")
    assert (endpoint.defaults.deployment_name, endpoint.tags) == ("vit", {"team": "one"})
    deployment = client.batch_deployments.get("vit", "photos")
    deployment.settings.mini_batch_size = 7
    client.begin_create_or_update(deployment).result(60)
    changed = client.batch_deployments.get("vit", "photos")
    assert changed.settings.mini_batch_size == 7
    assert changed.created_at == deployment.created_at
    assert type(changed.shown()["settings"]) is dict


def test_models_and_data(model_folder: Path, class_folders: Path) -> None:
    client = Client()
    content = {
        "name": "photos",
        "path": str(model_folder),
        "type": "custom_model",
        "version": "1700000000",
        "tags": {},
        "properties": {"from": "azure"},
    }
    model = client.create_or_update(azure("Model", content, "Artifact"))
    assert (model.id, model.tags["from"]) == ("azureml:photos:1700000000", "azure")
    again = client.models.get("photos", label="latest")
    with pytest.raises(UsageError, match="azureml:photos:1700000000 is there already"):
        client.create_or_update(again)

    content = {"name": "pictures", "path": str(class_folders), "type": "uri_folder", "tags": {}}
    asset = client.create_or_update(azure("Data", content, "Artifact"))
    # Azure's scripts append "class/image.jpg" to it.
    assert asset.path == f"{class_folders}/"
    assert client.data.get("pictures", label="latest") == asset
    assert [known.path for known in client.data.list()] == [asset.path]
    file = next(class_folders.glob("*/*"))
    assert client.data.create_or_update(
        {"name": "one", "path": str(file), "type": "uri_file"}
    ).path == str(file)


def test_what_is_missing_is_azure_cores_error_where_that_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class ResourceNotFoundError(Exception):
        pass

    client = Client()
    with pytest.raises(UsageError, match="no registered model named 'x'") as plain:
        client.models.get("x")
    assert not isinstance(plain.value, ResourceNotFoundError)
    module = types.SimpleNamespace(ResourceNotFoundError=ResourceNotFoundError)
    monkeypatch.setitem(sys.modules, "azure.core.exceptions", module)  # type: ignore[arg-type]
    for get in (client.models.get, client.data.get, client.jobs.get, client.batch_endpoints.get):
        with pytest.raises(ResourceNotFoundError, match="'x'") as both:
            get("x")
        assert isinstance(both.value, UsageError)
