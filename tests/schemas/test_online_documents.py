from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from azure_samples import AZURE_DEPLOYMENT

from tintype.errors import DocumentError, UsageError
from tintype.schemas.document import Document
from tintype.schemas.model_reference import InlineModel
from tintype.schemas.online_deployment import (
    OnlineDeploymentDocument,
    load_online_deployment,
    read_online_deployment,
    stored_deployment,
)
from tintype.schemas.online_deployment_parts import (
    DefaultScaleSettings,
    ProbeSettings,
    RequestSettings,
    TargetUtilizationScaleSettings,
)
from tintype.schemas.online_endpoint import (
    OnlineEndpointDocument,
    RateLimit,
    load_online_endpoint,
    parse_traffic,
    stored_endpoint,
)
from tintype.schemas.scorer_options import ScorerOptions
from tintype.schemas.scoring_settings import ScoringSettings

ENDPOINT = """
$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineEndpoint.schema.json
name: photos
auth_mode: key
traffic: {blue: 90, green: 10}
mirror_traffic: {red: 5}
"""

DEPLOYMENT = """
name: blue
endpoint_name: photos
model: azureml:photos:1
instance_count: 2
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "online.yml"
    path.write_text(text, "utf-8")
    return path


def deployment(**keys: Any) -> OnlineDeploymentDocument:
    content = {"name": "blue", "endpoint_name": "photos", "model": "azureml:photos:1", **keys}
    return read_online_deployment(Document(content), Path("/"))


def endpoint(**keys: Any) -> OnlineEndpointDocument:
    return load_online_endpoint(None, (), {"name": "photos", **keys})


def test_azures_deployment_with_the_overrides_of_its_script(tmp_path: Path) -> None:
    found = load_online_deployment(
        write(tmp_path, AZURE_DEPLOYMENT),
        [
            "endpoint_name=image-mc-1721900000",
            "model=azureml:fridge-objects:1",
            "instance_type=Standard_NC6s_v3",
        ],
    )
    assert (found.name, found.endpoint_name) == ("demo", "image-mc-1721900000")
    assert found.model == found.model_reference == "azureml:fridge-objects:1"
    assert found.instance_count == 1
    assert found.request_settings.request_timeout_ms == 90000
    assert found.liveness_probe == ProbeSettings(
        initial_delay=180, period=180, failure_threshold=49, timeout=299, success_threshold=1
    )
    assert found.readiness_probe == ProbeSettings(
        initial_delay=10, period=10, timeout=2, success_threshold=1, failure_threshold=30
    )
    assert found.instance_type == "Standard_NC6s_v3"
    (notice,) = found.notices()
    assert notice.startswith("instance_type has no effect here")


def test_azures_deployment_alone_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as caught:
        load_online_deployment(write(tmp_path, AZURE_DEPLOYMENT))
    message = str(caught.value)
    assert "endpoint_name: is required and missing" in message
    assert "model: is required and missing" in message


def test_defaults_of_a_deployment() -> None:
    found = deployment()
    assert found.instance_count == 1
    assert found.request_settings == RequestSettings(request_timeout_ms=5000)
    assert found.request_settings.max_concurrent_requests_per_instance is None
    assert found.scale_settings == DefaultScaleSettings()
    assert found.compute == "local"
    assert found.notices() == []


def test_options_win_over_overrides_and_those_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, DEPLOYMENT)
    found = load_online_deployment(
        path, ["name=green", "instance_count=3"], {"name": "red", "endpoint_name": None}
    )
    assert (found.name, found.instance_count, found.endpoint_name) == ("red", 3, "photos")
    changed = load_online_endpoint(
        write(tmp_path, ENDPOINT), ["tags.team=birds"], {"traffic": {"blue": 100}}
    )
    assert (changed.traffic, changed.tags) == ({"blue": 100}, {"team": "birds"})


def test_documents_without_a_file() -> None:
    assert load_online_endpoint(None, ["auth_mode=key"], {"name": "photos"}).name == "photos"
    found = load_online_deployment(
        None, ["model=openai/clip-vit-base-patch32"], {"name": "demo", "endpoint_name": "photos"}
    )
    assert found.model == "openai/clip-vit-base-patch32"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            DEPLOYMENT + "instance_cuont: 2\n",
            r"online.yml:6: instance_cuont: unknown key. Did you mean 'instance_count'",
        ),
        (
            DEPLOYMENT + "request_settings: {request_timeout: 1}\n",
            r"online.yml:6: request_settings.request_timeout: unknown key. Did you mean 'request_timeout_ms'",
        ),
        (
            DEPLOYMENT + "liveness_probe:\n  perod: 1\n",
            r"online.yml:7: liveness_probe.perod: unknown key. Did you mean 'period'",
        ),
        (
            DEPLOYMENT + "settings:\n  runtme: torch\n",
            r"online.yml:7: settings.runtme: unknown key. Did you mean 'runtime'",
        ),
        (
            DEPLOYMENT + "settings:\n  runtime: torhc\n",
            r"online.yml:7: settings.runtime: 'torhc' given; expected .*Did you mean 'torch'",
        ),
        (
            DEPLOYMENT.replace("azureml:photos:1", "{path: a/b, nmae: b}"),
            r"online.yml:4: model.nmae: unknown key. Did you mean 'name'",
        ),
        (
            DEPLOYMENT.replace("azureml:photos:1", "{name: photos}"),
            r"online.yml:4: model.path: is required and missing",
        ),
        (
            DEPLOYMENT.replace("azureml:photos:1", "[a]"),
            r"online.yml:4: model: .*expected a valid string",
        ),
        (
            DEPLOYMENT.replace("azureml:photos:1", "azureml:photos"),
            r"online.yml:4: model: .*expected azureml:photos:1 or azureml:photos@latest",
        ),
        (
            DEPLOYMENT.replace("azureml:photos:1", "{path: m, type: triton_model}"),
            r"online.yml:4: model.type: 'triton_model' given; expected 'mlflow_model'",
        ),
        (
            DEPLOYMENT.replace("azureml:photos:1", "./missing"),
            r"online.yml:4: model: there is no folder ./missing",
        ),
        (
            DEPLOYMENT.replace("azureml:photos:1", "{path: /no/such}"),
            r"online.yml:4: model.path: there is no folder /no/such",
        ),
        (DEPLOYMENT.replace("azureml:photos:1", "''"), r"online.yml:4: model: is empty"),
        (
            DEPLOYMENT.replace("photos\n", "p\n"),
            r"online.yml:3: endpoint_name: 'p' given; expected 3 to 32",
        ),
        (
            DEPLOYMENT.replace("blue", "blue-"),
            r"online.yml:2: name: 'blue-' given; expected 3 to 32",
        ),
        (
            DEPLOYMENT.replace("count: 2", "count: 51"),
            r"online.yml:5: instance_count: 51 given; expected less than or equal to 50",
        ),
        (
            DEPLOYMENT.replace("count: 2", "count: 0"),
            r"online.yml:5: instance_count: 0 given; expected greater than or equal to 1",
        ),
        (
            DEPLOYMENT.replace("count: 2", "count: yes"),
            r"online.yml:5: instance_count: true given; expected a whole number",
        ),
        (
            DEPLOYMENT + "request_settings: {request_timeout_ms: 180001}\n",
            r"online.yml:6: request_settings.request_timeout_ms: .*less than or equal to 180000",
        ),
        (
            DEPLOYMENT + "request_settings: {max_concurrent_requests_per_instance: 0}\n",
            r"online.yml:6: .*greater than or equal to 1",
        ),
        (
            DEPLOYMENT + "readiness_probe: {period: 0}\n",
            r"online.yml:6: readiness_probe.period: .*greater than or equal to 1",
        ),
        (
            DEPLOYMENT + "readiness_probe: {period: PT0.5S}\n",
            r"online.yml:6: readiness_probe.period: 'PT0.5S' given; expected whole seconds",
        ),
        (
            DEPLOYMENT + "readiness_probe: {period: Pfff}\n",
            r"online.yml:6: readiness_probe.period: 'Pfff' given; expected whole seconds",
        ),
        (
            DEPLOYMENT + "scale_settings: {type: targetutilisation}\n",
            r"online.yml:6: scale_settings: type 'targetutilisation' given; .*Did you mean 'target_utilization'",
        ),
        (
            DEPLOYMENT + "scale_settings: {min_instances: 1}\n",
            r"online.yml:6: scale_settings: expected a mapping with type",
        ),
        (
            DEPLOYMENT + "scale_settings: default\n",
            r"online.yml:6: scale_settings: expected a mapping with type",
        ),
        (
            DEPLOYMENT + "scale_settings: {type: default, max_instances: 3}\n",
            r"online.yml:6: scale_settings: max_instances given; only type: target_utilization has that",
        ),
        (
            DEPLOYMENT + "scale_settings:\n  type: target_utilization\n  max_instance: 3\n",
            r"online.yml:8: scale_settings.max_instance: unknown key. Did you mean 'max_instances'",
        ),
        (
            DEPLOYMENT
            + "scale_settings: {type: target_utilization, min_instances: 3, max_instances: 2}\n",
            r"online.yml:6: scale_settings: min_instances 3 is above max_instances 2",
        ),
        (
            DEPLOYMENT
            + "scale_settings: {type: target_utilization, target_utilization_percentage: 101}\n",
            r"online.yml:6: scale_settings.target_utilization_percentage: 101 given; expected less than",
        ),
        (
            DEPLOYMENT + "environment_variables:\n  A: null\n",
            r"online.yml:7: environment_variables.A: None given; expected a valid string",
        ),
        (
            DEPLOYMENT + "environment_variables: {'A=B': c}\n",
            r"online.yml:6: environment_variables: 'A=B': no name",
        ),
        (
            DEPLOYMENT + "compute: ray:/head\n",
            r"online.yml:6: compute: 'ray:/head' given; expected local, ray, ray://host:port or a cl",
        ),
        (
            ENDPOINT + "trafic: {blue: 100}\n",
            r"online.yml:7: trafic: unknown key. Did you mean 'traffic'",
        ),
        (
            ENDPOINT + "rate_limit: {requests_per_minute: 1, requests_per_minte: 1}\n",
            r"online.yml:7: rate_limit.requests_per_minte: unknown key. Did you mean 'requests_per_minute'",
        ),
        (
            ENDPOINT + "rate_limit: {requests_per_minute: 0}\n",
            r"online.yml:7: rate_limit.requests_per_minute: .*greater than or equal to 1",
        ),
        (
            ENDPOINT.replace("auth_mode: key", "auth_mode: keys"),
            r"online.yml:4: auth_mode: 'keys' given; expected .*Did you mean 'key'",
        ),
        (
            ENDPOINT.replace("blue: 90", "blue: 80"),
            r"online.yml:5: traffic: blue=80, green=10 adds up to 90; expected 100, or 0",
        ),
        (
            ENDPOINT.replace("blue: 90", "blue: 110"),
            r"online.yml:5: traffic.blue: 110 given; expected less than or equal to 100",
        ),
        (
            ENDPOINT.replace("blue: 90", "blue: -10"),
            r"online.yml:5: traffic.blue: -10 given; expected greater than or equal to 0",
        ),
        (
            ENDPOINT.replace("blue: 90", "b_lue: 90"),
            r"online.yml:5: traffic.b_lue: 'b_lue' given; expected 3 to 32",
        ),
        (
            ENDPOINT.replace("red: 5", "red: 51"),
            r"online.yml:6: mirror_traffic.red: 51 given; expected less than or equal to 50",
        ),
        (
            ENDPOINT.replace("red: 5", "red: 5, pink: 5"),
            r"online.yml:6: mirror_traffic: red=5, pink=5 given; expected one deployment",
        ),
        (
            ENDPOINT.replace("red: 5", "green: 5"),
            r"online.yml:6: mirror_traffic: 'green' takes 10 percent of the live traffic",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    load = load_online_endpoint if "auth_mode" in text else load_online_deployment
    with pytest.raises(DocumentError, match=message) as caught:
        load(write(tmp_path, text))
    # One complaint for one mistake.
    assert len(str(caught.value).splitlines()) == 1
    assert "pydantic" not in str(caught.value)


@pytest.mark.parametrize("name", ["abc", "a-1", "A1b", "a" * 32, "a--b"])
def test_names_as_azure_allows_them(name: str) -> None:
    assert endpoint(name=name).name == name
    assert deployment(name=name, endpoint_name=name).name == name


@pytest.mark.parametrize(
    "name", ["ab", "a" * 33, "1ab", "-ab", "ab-", "a b", "a_b", "abc\n", "äbc", "", 123]
)
def test_other_names_are_refused(name: object) -> None:
    with pytest.raises(DocumentError):
        endpoint(name=name)
    with pytest.raises(DocumentError):
        deployment(name=name)


def test_traffic() -> None:
    assert endpoint().traffic == {}
    assert endpoint(traffic={"blue": 100, "green": 0}).traffic == {"blue": 100, "green": 0}
    assert endpoint(traffic={"blue": 0, "green": 0}).traffic == {"blue": 0, "green": 0}
    assert endpoint(traffic={"blue": "100"}).traffic == {"blue": 100}
    with pytest.raises(DocumentError, match="whole number"):
        endpoint(traffic={"blue": True})


def test_mirror_traffic_and_how_to_clear_it() -> None:
    for cleared in ({}, {"blue": 0}, {"blue": 0, "green": 0}):
        assert endpoint(mirror_traffic=cleared).mirror_traffic == {}
    found = endpoint(traffic={"blue": 100, "green": 0}, mirror_traffic={"green": 50, "red": 0})
    assert found.mirror_traffic == {"green": 50}


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("blue=90 green=10", {"blue": 90, "green": 10}),
        ("blue=90,green=10", {"blue": 90, "green": 10}),
        (" blue=90,  green=10, ", {"blue": 90, "green": 10}),
        ("demo=100", {"demo": 100}),
        ("green=0", {"green": 0}),
    ],
)
def test_traffic_on_the_command_line(text: str, shares: dict[str, int]) -> None:
    assert parse_traffic(text) == shares


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected 'name=percent'"),
        ("blue", "expected 'name=percent'"),
        ("blue:100", "expected 'name=percent'"),
        ("blue = 100", "expected 'name=percent'"),
        ("=100", "expected 3 to 32"),
        ("b=100", "expected 3 to 32"),
        ("blue=", "expected a number from 0 to 100"),
        ("blue=1.5", "expected a number from 0 to 100"),
        ("blue=-1", "expected a number from 0 to 100"),
        ("blue=101", "expected a number from 0 to 100"),
        ("blue=½", "expected a number from 0 to 100"),
        ("blue=50 blue=50", "'blue' stands twice"),
    ],
)
def test_traffic_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_traffic(text)


@pytest.mark.parametrize(
    ("given", "mode"),
    [("Key", "key"), ("AMLToken", "aml_token"), ("aad_token", "aad_token")],
)
def test_tokens_are_accepted_and_mean_keys(given: str, mode: str) -> None:
    found = endpoint(auth_mode=given)
    assert found.auth_mode == mode
    assert found.notices() == (
        [] if mode == "key" else [f"auth_mode {mode} has no effect here: keys are used"]
    )


def test_keys_of_an_endpoint_without_effect() -> None:
    given = {
        "public_network_access": "disabled",
        "identity": {"type": "system_assigned"},
        "kind": "Managed",
        "compute": "azureml:k8s",
    }
    found = endpoint(**given)
    assert [notice.split()[0] for notice in found.notices()] == list(given)
    assert endpoint().notices() == []


def test_what_show_adds_is_dropped() -> None:
    added: dict[str, Any] = {
        "provisioning_state": "Succeeded",
        "created_at": "2025-01-01",
        "id": "/subscriptions/x",
    }
    found = endpoint(**added, scoring_uri="http://127.0.0.1/photos/score", rate_limit=None)
    assert found == endpoint()
    added |= {"instances": [{"pid": 1}], "collected": {"recorded": 3, "dropped": 0}, "error": None}
    assert deployment(**added) == deployment()


def test_keys_of_a_deployment_without_effect() -> None:
    given: dict[str, Any] = {
        "code_configuration": {"code": "src", "scoring_script": "score.py"},
        "environment": {"image": "example.com/image", "conda_file": "conda.yml"},
        "instance_type": "Standard_NC6s_v3",
        "app_insights_enabled": False,
        "egress_public_network_access": "disabled",
        "model_mount_path": "/var/models",
        "type": "kubernetes",
        "app": "score",
    }
    found = deployment(**given)
    assert [notice.split()[0] for notice in found.notices()] == list(given)
    assert all(notice.count("no effect here: ") == 1 for notice in found.notices())
    for key in given:
        (notice,) = deployment(**{key: given[key]}).notices()
        assert notice.startswith(f"{key} has no effect")


def test_what_is_to_be_recorded() -> None:
    assert deployment().data_collector is None
    # As Azure's documents write it.
    given = {
        "collections": {
            "model_inputs": {"enabled": "True", "data": {"name": "in", "path": "azureml://x"}},
            "model_outputs": {"enabled": "False"},
            "request": {"enabled": "True"},
        },
        "sampling_rate": 0.2,
        "rolling_rate": "day",
        "request_logging": {"capture_headers": ["x-ms-client-request-id"]},
    }
    found = deployment(data_collector=given)
    assert found.data_collector is not None
    assert (found.data_collector.inputs_rate, found.data_collector.outputs_rate) == (0.2, 0.0)
    (notice,) = found.notices()
    assert notice.startswith("data_collector.collections.request has no effect here")
    for wrong in ({"sampling_rate": 2}, {"picture": "whole"}, {"keep_days": 0}, {"colections": {}}):
        with pytest.raises(DocumentError):
            deployment(data_collector=wrong)


def test_features_are_recorded_with_answers_alone() -> None:
    outputs = {"collections": {"model_outputs": {"enabled": True}}, "embedding": True}
    found = deployment(data_collector=outputs)
    assert found.data_collector is not None
    assert found.data_collector.embedding
    with pytest.raises(DocumentError, match=r"enable collections.model_outputs too"):
        deployment(data_collector={"embedding": True})


@pytest.mark.parametrize(
    ("given", "period"),
    [("minute", "minute"), ("hour", "hour"), ("day", "day"), ("month", "day"), ("year", "day")],
)
def test_a_file_of_rows_covers_a_day_at_most(given: str, period: str) -> None:
    found = deployment(data_collector={"rolling_rate": given})
    assert found.data_collector is not None
    assert found.data_collector.keeping["period"] == period
    assert len(found.notices()) == (given != period)


def test_notices_of_values() -> None:
    assert deployment(compute="azureml:gpu").notices() == [
        "compute azureml:gpu means this machine here"
    ]
    assert deployment(model={"path": "m", "name": "m", "version": 3}).notices() == [
        "model.name has no effect here: the model is not registered",
        "model.version has no effect here: the model is not registered",
    ]
    (notice,) = deployment(request_settings={"max_queue_wait_ms": 500}).notices()
    assert "max_queue_wait_ms is deprecated" in notice
    scaled = {"type": "target_utilization", "max_instances": 3}
    assert deployment(scale_settings=scaled).notices() == []
    (notice,) = deployment(scale_settings=scaled, instance_count=2).notices()
    assert notice.startswith("instance_count has no effect")


@pytest.mark.parametrize("compute", ["local", "ray", "ray://head:10001", "azureml:cluster"])
def test_places_to_run(compute: str) -> None:
    assert deployment(compute=compute).compute == compute


@pytest.mark.parametrize(
    "model",
    [
        "azureml:photos:1",
        "azureml:photos@latest",
        "photos:1",
        "photos@latest",
        "models:/photos/1",
        "runs:/0123/model",
        "google/vit-base-patch16-224",
        "azureml://registries/azureml/models/microsoft-beit-base/versions/3",
        "azureml://jobs/job/outputs/artifacts/paths/outputs/mlflow-model/",
    ],
)
def test_models_that_are_named(model: str) -> None:
    assert deployment(model=model).model == model
    inline = deployment(model={"path": model})
    assert isinstance(inline.model, InlineModel)
    assert inline.model_reference == model


def test_model_folders_are_from_the_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents, here = tmp_path / "documents", tmp_path / "here"
    for folder in (documents / "both", here / "both", here / "mine"):
        folder.mkdir(parents=True)
    monkeypatch.chdir(here)

    def model(text: str) -> str:
        path = write(documents, DEPLOYMENT.replace("azureml:photos:1", text))
        return load_online_deployment(path).model_reference

    for text in ("./both", "both", "{path: ./both}", "{path: both, name: photos, version: 1}"):
        assert model(text) == str(documents / "both")
    assert model("./mine") == str(here / "mine")
    assert model("elsewhere/mine") == "elsewhere/mine"
    assert model(str(here / "mine")) == str(here / "mine")
    assert model("x" * 5000) == "x" * 5000
    with pytest.raises(DocumentError, match="no folder ~nobody-of-this-name/model"):
        model("~nobody-of-this-name/model")


def test_durations_are_seconds_or_iso_8601() -> None:
    probe = ProbeSettings.model_validate(
        {"initial_delay": "PT1M30S", "period": "pt10s", "timeout": 299, "failure_threshold": "49"}
    )
    assert (probe.initial_delay, probe.period, probe.timeout) == (90, 10, 299)
    assert probe.failure_threshold == 49
    scale = deployment(
        scale_settings={"type": "target_utilization", "polling_interval": "PT10S"}
    ).scale_settings
    assert isinstance(scale, TargetUtilizationScaleSettings)
    assert scale.polling_interval == 10


def test_scaling() -> None:
    found = deployment(scale_settings={"type": "TargetUtilization", "max_instances": 4})
    assert found.scale_settings == TargetUtilizationScaleSettings(
        polling_interval=1, target_utilization_percentage=70, min_instances=1, max_instances=4
    )
    assert deployment(scale_settings={"type": "Default"}).scale_settings == DefaultScaleSettings()
    for most in (0, 51):
        with pytest.raises(DocumentError, match="max_instances"):
            deployment(scale_settings={"type": "target_utilization", "max_instances": most})


def test_numbers_in_the_environment_and_in_tags_become_texts(tmp_path: Path) -> None:
    text = DEPLOYMENT + (
        "environment_variables: {WORKERS: 4, RATE: 0.5, DEBUG: true, DAY: 2024-01-02, NAME: x}\n"
        "tags: {version: 3}\nproperties: {beta: false}\n"
    )
    found = load_online_deployment(write(tmp_path, text))
    assert found.environment_variables == {
        "WORKERS": "4",
        "RATE": "0.5",
        "DEBUG": "true",
        "DAY": "2024-01-02",
        "NAME": "x",
    }
    assert (found.tags, found.properties) == ({"version": "3"}, {"beta": "false"})
    assert endpoint(tags={"version": 3}).tags == {"version": "3"}


def test_keys_with_nothing_behind_them_are_left_out(tmp_path: Path) -> None:
    text = DEPLOYMENT + "settings:\nliveness_probe:\ntags:\nenvironment_variables:\n"
    assert load_online_deployment(write(tmp_path, text)).settings == ScoringSettings()
    assert load_online_endpoint(write(tmp_path, "name: photos\ntraffic:\n")).traffic == {}


def test_scoring_settings() -> None:
    settings = deployment(
        settings={
            "task": "zero-shot-image-classification",
            "labels": "a cat, a dog,",
            "prompt": "a photo of {}",
            "response_style": "C",
            "device": "cuda:1",
            "exact": True,
            "on_row_error": "skip",
        }
    ).settings
    assert settings.task == "zero_shot_image_classification"
    assert settings.labels == ["a cat", "a dog"]
    assert settings.response_style == "ranked"
    assert ScoringSettings.model_validate({"labels": '["a, b", "c"]'}).labels == ["a, b", "c"]
    assert ScoringSettings.model_validate({"labels": [" a ", ""]}).labels == ["a"]
    for letter, style in (("A", "probs"), ("B", "list"), ("list", "list")):
        assert ScoringSettings.model_validate({"response_style": letter}).response_style == style


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"labels": " , "}, "settings.labels: holds no label"),
        ({"labels": []}, "settings.labels: holds no label"),
        ({"labels": "[1, 2"}, "settings.labels: begins like a JSON list but is none"),
        ({"labels": [True, "no"]}, "settings.labels.0: True given; expected a valid string"),
        ({"labels": "a, b", "task": "embeddings"}, "settings.labels: is for zero_shot"),
        ({"prompt": "{}", "task": "image_classification"}, "settings.prompt: is for zero_shot"),
        ({"prompt": "a photo"}, "settings.prompt: 'a photo' given; it must hold '{}'"),
        ({"task": "segmentation"}, "settings.task: task 'segmentation': expected one of"),
        ({"response_style": "D"}, "settings.response_style: response style 'D'"),
        ({"device": "gpu"}, "settings.device: 'gpu' given; expected auto, cpu, cuda"),
        ({"precision": "fp16"}, "settings.precision: 'fp16' given; expected .*fp32"),
        ({"pooling": "max"}, "settings.pooling: 'max' given; expected .*mean"),
        ({"on_row_error": "ignore"}, "settings.on_row_error: 'ignore' given; expected 'fail'"),
    ],
)
def test_scoring_settings_that_cannot_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        deployment(settings=settings)


def test_scoring_settings_are_those_of_the_scorer() -> None:
    from tintype.models.features import POOLINGS
    from tintype.models.runtimes.choice import PRECISIONS, RUNTIMES

    def values(name: str) -> set[str]:
        annotation = ScoringSettings.model_fields[name].annotation
        members = [annotation, *get_args(annotation)]
        return {value for member in members for value in get_args(member) if type(value) is str}

    assert values("runtime") == {"auto", *RUNTIMES}
    assert values("precision") == {"auto", *PRECISIONS}
    assert values("pooling") == {"auto", *POOLINGS}
    assert ScoringSettings().options() == ScorerOptions()
    given = {"precision": "int8", "labels": ["a", "b"], "threads": 2, "normalize": True}
    settings = ScoringSettings.model_validate({**given, "response_style": "B"})
    assert settings.options() == ScorerOptions.of(**given)


FULL: dict[str, Any] = {
    "$schema": "https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json",
    "name": "blue",
    "endpoint_name": "photos",
    "model": {
        "path": "google/vit-base-patch16-224",
        "name": "vit",
        "version": 3,
        "type": "mlflow_model",
    },
    "description": "first",
    "tags": {"team": "birds"},
    "properties": {"a": 1},
    "code_configuration": {"code": "src", "scoring_script": "score.py"},
    "instance_type": "Standard_DS3_v2",
    "instance_count": 3,
    "request_settings": {
        "request_timeout_ms": 90000,
        "max_concurrent_requests_per_instance": 8,
        "max_queue_wait_ms": 1,
    },
    "liveness_probe": {"initial_delay": "PT3M"},
    "scale_settings": {"type": "target_utilization", "min_instances": 2, "max_instances": 5},
    "environment_variables": {"N": 1},
    "settings": {"labels": "a, b", "prompt": "a {}", "response_style": "B", "exact": False},
    "compute": "ray",
}


@pytest.mark.parametrize(
    "content", [FULL, yaml.safe_load(DEPLOYMENT)], ids=["everything", "little"]
)
def test_a_stored_deployment_is_the_same_one(content: dict[str, Any]) -> None:
    found = deployment(**content)
    kept = found.model_dump(mode="json", by_alias=True, exclude_none=True)
    again = stored_deployment(json.loads(json.dumps(kept)))
    assert again == found
    assert again.notices() == found.notices()
    assert again.model_dump(mode="json", by_alias=True, exclude_none=True) == kept
    assert kept.get("$schema") == content.get("$schema")
    # What was stored is a document too.
    assert deployment(**kept) == found


def test_a_stored_endpoint_is_the_same_one() -> None:
    found = endpoint(
        **{"$schema": "https://example.com"},
        auth_mode="aml_token",
        traffic={"blue": 100, "green": 0},
        mirror_traffic={"green": 10},
        rate_limit={"requests_per_minute": 60},
        tags={"n": 1},
        identity={"type": "system_assigned"},
    )
    kept = found.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert stored_endpoint(json.loads(json.dumps(kept))) == found
    assert kept["rate_limit"] == {"requests_per_minute": 60}


@pytest.mark.parametrize(
    "model",
    [
        OnlineEndpointDocument,
        RateLimit,
        OnlineDeploymentDocument,
        InlineModel,
        RequestSettings,
        ProbeSettings,
        DefaultScaleSettings,
        TargetUtilizationScaleSettings,
        ScoringSettings,
    ],
)
def test_every_key_says_what_it_means(model: Any) -> None:
    script = Path(__file__).parents[2] / "samples" / "write_job_docs.py"
    table = runpy.run_path(str(script))["section"]("keys", model)
    shown = [name for name, field in model.model_fields.items() if not field.exclude]
    assert len(table.splitlines()) == 4 + len(shown)
