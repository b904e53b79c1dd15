"""Notebooks written for Azure, by the real package azure-ai-ml; `./run test -m slow tests/client`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure_sdk import Notebooks
from checkpoints import write_checkpoint
from commands import run
from pictures import write_class_folders

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebooks]:
    """A workspace with photos and a checkpoint, whose daemon is ended."""
    found = Notebooks(tmp_path_factory.mktemp("azure"))
    write_class_folders(found.folder / "photos")
    write_checkpoint(found.folder / "vit", labels=("level", "upright"))
    yield found
    run("down", **found.environment)


@pytest.fixture(scope="module")
def given(notebooks: Notebooks) -> dict[str, str]:
    return {
        "photos": "./photos",
        "checkpoint": str(notebooks.folder / "vit"),
        "tracking_uri": f"sqlite:///{notebooks.folder / 'home' / 'mlflow.db'}",
    }


@pytest.fixture(scope="module")
def finetuned(notebooks: Notebooks, given: dict[str, str]) -> Any:
    """What the fine-tuning notebook says, which registers the model of the others."""
    return notebooks("finetuning", **given)


def test_finetuning(notebooks: Notebooks, finetuned: Any) -> None:
    assert finetuned.pop("accuracy") >= 0.4
    assert finetuned == {
        "data_path": f"{notebooks.folder / 'photos'}/",
        "status": "Completed",
        "type": "pipeline",
        "display_name": "stripes by Azure's component",
        "epochs": "2",
        "model": "azureml:stripes:1700000000",
    }


@pytest.mark.usefixtures("finetuned")
def test_online_endpoints(notebooks: Notebooks) -> None:
    photo = next((notebooks.folder / "photos").glob("*/*.png"))
    said = notebooks("online", photo=str(photo))
    prediction = said.pop("prediction")
    assert prediction["labels"] == ["level", "upright"]
    assert sum(prediction["probs"]) == pytest.approx(1)
    assert said == {
        "traffic": [{"stripes-mlflow-deploy": 0}, {"stripes-mlflow-deploy": 0}],
        "tags": {"changed": "yes"},
        "instances": 2,
        "model": "azureml:stripes:1700000000",
        "answering": True,
        "keys": 2,
    }


@pytest.mark.usefixtures("finetuned")
def test_batch_endpoints(notebooks: Notebooks, given: dict[str, str]) -> None:
    assert notebooks("batch", **given) == {
        "default": "demo",
        "other": [5, 2],
        "status": "Completed",
        "rows": 24,
        "columns": 4,
        "jobs": True,
        "left": [],
    }


@pytest.mark.usefixtures("finetuned")
def test_automl(notebooks: Notebooks, given: dict[str, str]) -> None:
    assert notebooks("automl", **given) == {
        "statuses": ["Completed", "Completed", "Canceled", "Canceled"],
        "tags": [{"my_custom_tag": "My custom value"}, {"from": "file"}],
        "trials": 2,
        "metrics": True,
        "model": "azureml:swept:1",
        "task": ["automl", "pipeline"],
    }


@pytest.mark.usefixtures("finetuned")
def test_evaluation(notebooks: Notebooks, given: dict[str, str]) -> None:
    said = notebooks("evaluation", **given)
    assert said["status"] == "Completed"
    assert set(said["metrics"]) == {"accuracy", "f1_score_macro"}


@pytest.mark.usefixtures("finetuned")
def test_what_is_not_run_is_refused_whole(notebooks: Notebooks) -> None:
    said = notebooks("refused")
    told = {
        "detection": "ImageObjectDetectionJob: task: task 'image_object_detection': expected",
        "table": "ClassificationJob: task: task 'classification': expected",
        "nothing": f"{notebooks.folder / 'nothing'}: no such file or folder",
        "datastore": "AzureBlobDatastore has no counterpart here; name its folder in the setting",
        "schedule": "JobSchedule has no counterpart here; write it as YAML for client.schedules",
        "pipeline deployment": "deploy each model by itself, as a ModelBatchDeployment",
        "other noun": "Data given to client.models; give it to client.data",
        "name": "ManagedOnlineEndpoint: name: 'no_such_name' given; expected 3 to 32 letters",
        "no model": f"{Path(notebooks.folder, 'training')}",
    }
    assert set(said) == set(told)
    for case, part in told.items():
        assert part in said[case], case
