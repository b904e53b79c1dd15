"""Records and pollers, and the verbs that give them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from checkpoints import write_checkpoint

from tintype.client import Client
from tintype.client.records import Poller, Record
from tintype.errors import UsageError


def test_a_record_has_its_keys_as_attributes() -> None:
    record = Record(name="photos", traffic={"blue": 100})
    assert (record.name, record["traffic"]) == ("photos", {"blue": 100})
    assert record.shown() == {"name": "photos", "traffic": {"blue": 100}}
    with pytest.raises(AttributeError, match="there is no 'trafic' here; there are name, traffic"):
        _ = record.trafic


def test_a_poller_waits_and_passes_on_what_is_raised() -> None:
    go_on = threading.Event()

    def work() -> str:
        go_on.wait(10)
        return "done"

    poller = Poller(work)
    assert (poller.status(), poller.done()) == ("InProgress", False)
    with pytest.raises(TimeoutError, match="it goes on"):
        poller.result(0.01)
    go_on.set()
    assert poller.result(10) == "done"
    assert (poller.status(), poller.done()) == ("Succeeded", True)

    def fail() -> None:
        raise UsageError("no such thing")

    failing = Poller(fail)
    with pytest.raises(UsageError, match="no such thing"):
        failing.wait(10)
    assert failing.status() == "Failed"
    with pytest.raises(UsageError, match="no such thing"):
        failing.result()


def test_endpoints_by_the_names_of_azure_ai_ml(tmp_path: Path) -> None:
    client = Client()
    endpoint, deployment = tmp_path / "endpoint.yml", tmp_path / "deployment.yml"
    endpoint.write_text("name: photos\n")
    model = write_checkpoint(tmp_path / "vit")
    deployment.write_text(f"name: vit\nendpoint_name: photos\nmodel: {model}\n")
    created = client.batch_endpoints.begin_create_or_update(endpoint).result(60)
    assert (created.name, created.provisioning_state) == ("photos", "Succeeded")
    poller = client.batch_deployments.begin_create_or_update(deployment, set_default=True)
    assert poller.result(60).endpoint_name == "photos"
    assert client.batch_endpoints.get("photos").defaults == {"deployment_name": "vit"}
    client.batch_deployments.begin_delete("vit", "photos").result(60)
    with pytest.raises(UsageError, match="has no deployment 'vit'"):
        client.batch_deployments.begin_delete("vit", "photos").result(60)
    client.batch_endpoints.begin_delete("photos").result(60)
    assert client.batch_endpoints.list() == []


def test_models_and_data_have_the_verbs_of_the_command_line(
    model_folder: Path, class_folders: Path
) -> None:
    client = Client()
    made = client.models.create_or_update("photos", model_folder, tags={"a": "b"})
    assert client.models.get("photos", label="latest") == made
    client.models.archive("photos")
    assert client.models.list() == []
    client.models.restore("photos")
    assert [model.version for model in client.models.list()] == ["1"]
    assert any(card.name == "facebook/dinov2-giant" for card in client.models.catalog())
    (class_folders / "level" / "broken.png").write_bytes(b"no picture")
    report = client.data.check(class_folders)
    assert report["images"] == 25
    assert [bad["image"] for bad in report["unreadable_images"]] == [
        str(class_folders / "level" / "broken.png")
    ]
