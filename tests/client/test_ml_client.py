"""The client that is made as azure-ai-ml's MLClient is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tintype
from tintype.client import Client, MLClient
from tintype.errors import DocumentError, UsageError


def test_the_clouds_arguments_are_kept_and_mean_nothing() -> None:
    client = tintype.MLClient(object(), "subscription", "group", "workspace", logging_enable=True)
    assert isinstance(client, Client)
    assert client.subscription_id == "subscription"
    assert client.resource_group_name == "group"
    assert client.workspace_name == "workspace"
    assert client.models.list() == []
    assert MLClient().workspace_name == "tintype"


def test_from_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert MLClient.from_config(None).subscription_id is None
    content = {"subscription_id": "s", "resource_group": "g", "workspace_name": "w"}
    folder = tmp_path / "a" / ".azureml"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(content))
    for client in (
        MLClient.from_config(None),
        MLClient.from_config(path=folder / "config.json"),
        MLClient.from_config(path=folder, file_name="config.json"),
    ):
        assert client.subscription_id == "s"
        assert (client.resource_group_name, client.workspace_name) == ("g", "w")
    (below / "config.json").write_text("[]")
    with pytest.raises(DocumentError, match="expected a JSON object"):
        MLClient.from_config()


def test_a_registry_is_the_catalog() -> None:
    registry = MLClient(None, registry_name="azureml")
    assert registry.workspace_name is None
    name = "microsoft-beit-base-patch16-224-pt22k-ft22k"
    model = registry.models.get(name, label="latest")
    assert registry.models.list(name=name) == [model]
    assert int(model.version) >= 1
    assert model.id == f"azureml://registries/azureml/models/{name}/versions/{model.version}"
    assert registry.models.get(name, version="3").id.endswith("/versions/3")
    listed = registry.models.list()
    assert len(listed) > 10
    assert name in [known.name for known in listed]
    # What it says is found again.
    for known in listed:
        assert registry.models.get(known.name).properties == known.properties
    with pytest.raises(UsageError, match="Did you mean 'google-vit-base-patch16-224'"):
        registry.models.get("google-vit-base-patch16-223")
    with pytest.raises(UsageError, match="label 'newest': expected latest"):
        registry.models.get(name, label="newest")


def test_components_without_azures_package_are_records() -> None:
    name = "transformers_image_classification_pipeline"
    component = MLClient(registry_name="azureml").components.get(name=name, label="latest")
    assert (component.name, component.version) == (name, "0.0.25")
    assert component.inputs["training_data"] == {"type": "mltable"}
    assert component.outputs["mlflow_model_folder"] == {"type": "mlflow_model"}
    with pytest.raises(UsageError, match="no component 'image_object_detection_pipeline'"):
        MLClient(registry_name="azureml").components.get("image_object_detection_pipeline")


def test_components_have_the_inputs_that_jobs_read() -> None:
    """Every input is a key of the job that the component comes to, or without effect."""
    from tintype.schemas.azure_components import azure_component
    from tintype.schemas.finetuning import FinetuningParameters
    from tintype.schemas.finetuning_components import JOB_KEYS, WITHOUT_EFFECT

    component = azure_component("transformers_image_classification_pipeline")
    assert component is not None
    inputs = set(component.inputs)
    models = {"model_name", "mlflow_model", "pytorch_model", "task_name"}
    read = {*FinetuningParameters.model_fields, *JOB_KEYS, *WITHOUT_EFFECT, *models}
    assert inputs - read == set()
