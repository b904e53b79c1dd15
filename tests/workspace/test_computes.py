"""Names of computes: this machine unless they are mapped to a Ray cluster."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tintype.errors import TintypeError, UsageError
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.compute import read_compute
from tintype.schemas.document import Document
from tintype.workspace.computes import ComputeStore, placed

Command = Callable[..., Any]


@pytest.fixture
def listening() -> Iterator[str]:
    """The address of something that answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"ray://127.0.0.1:{server.getsockname()[1]}"


def job(compute: str | None) -> AutomlJob:
    data = {"path": "azureml:photos:1", "type": "mltable"}
    return AutomlJob(task="image_classification", training_data=data, compute=compute)


def test_azures_cluster_is_made_shown_listed_and_deleted(command: Command) -> None:
    made = command(
        *"compute create -n gpu-cluster --type AmlCompute --size STANDARD_NC6 -g mine".split(),
        *"--min-instances 0 --max-instances 2 -d 120 -w ours --tier dedicated".split(),
    )
    assert (made["name"], made["type"], made["size"]) == (
        "gpu-cluster",
        "amlcompute",
        "STANDARD_NC6",
    )
    assert (made["place"], made["provisioning_state"]) == ("local", "Succeeded")
    assert command("compute", "show", "--name", "gpu-cluster") == made
    assert command("compute", "list") == [made]
    assert command("compute", "list", "--type", "ray") == []
    # What it printed can be given back.
    assert read_compute(Document(made)).name
    command("compute", "delete", "--name", "gpu-cluster", "--yes")
    assert "no compute 'gpu-cluster'" in command("compute", "show", "-n", "gpu-cluster", code=2)


def test_a_name_is_this_machine_until_it_is_mapped(command: Command, listening: str) -> None:
    for name in (None, "local", "ray", "ray://head:10001", "azureml:/subscriptions/s/computes/gpu"):
        assert placed(job(name)).compute == name
    command("compute", "create", "-n", "gpu")
    assert placed(job("azureml:gpu")).compute == "azureml:gpu"
    assert placed(job("azureml:gpu")).notices() == ["compute azureml:gpu means this machine here"]
    command("compute", "attach", "-n", "gpu", "--address", listening)
    assert placed(job("azureml:gpu")).compute == placed(job("gpu")).compute == listening
    assert placed(job("gpu")).notices() == []
    command("compute", "attach", "-n", "gpu", "--type", "ray", "--resource-id", "ray")
    assert placed(job("gpu")).compute == "ray"


def test_a_mapped_cluster_that_is_not_there_is_one_message(
    command: Command, tmp_path: Path, workspace_home: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"ray://127.0.0.1:{server.getsockname()[1]}"
    command("compute", "attach", "-n", "gpu", "--address", address)
    with pytest.raises(TintypeError, match=r"compute 'gpu' is mapped to the Ray cluster ray://127"):
        placed(job("azureml:gpu"))
    document = tmp_path / "job.yml"
    document.write_text(
        "type: automl\ntask: image_classification\ncompute: azureml:gpu\n"
        "training_data: {path: nowhere, type: mltable}\n"
    )
    said = command("job", "create", "--file", document, code=1)
    assert said.count("\n") == 1
    assert "Connection refused" in said
    assert "tintype compute attach --name gpu" in said
    assert not (workspace_home / "runs").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "local"}, "a meaning of its own"),
        ({"name": "a/b"}, "name"),
        ({"name": "gpu", "type": "ray"}, "needs an address"),
        ({"name": "gpu", "type": "amlcompute", "address": "ray://h:1"}, "is for type ray"),
        ({"name": "gpu", "address": "http://head"}, "expected ray://HOST:PORT"),
        ({"name": "gpu", "type": "amlcomput"}, "Did you mean 'amlcompute'"),
        ({"name": "gpu", "min_instances": -1}, "min_instances"),
        ({"name": "gpu", "sise": "x"}, "Did you mean 'size'"),
    ],
)
def test_wrong_computes(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_compute(Document(given))


@pytest.mark.parametrize("name", ["../data-assets/x", "", ".hidden"])
def test_a_name_leaves_no_folder(name: str) -> None:
    with pytest.raises(UsageError, match="compute name"):
        ComputeStore().get(name)
