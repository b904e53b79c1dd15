from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tintype.cli.main import _run
from tintype.client import Client
from tintype.client.batch_deployment import BatchDeployments
from tintype.client.batch_endpoint import BatchEndpoints
from tintype.endpoints.batch.invocation import job_of
from tintype.errors import CheckpointError, DocumentError, OutputError, UsageError
from tintype.schemas.batch_job import BatchInput, BatchJob
from tintype.workspace.batch_endpoints import BatchEndpointStore
from tintype.workspace.registry import register_model
from tintype.workspace.runs import RunRecord, RunStore

# A model that needs no file and no network to be known.
MODEL = "tintype/resnet-small"

DEPLOYMENT = f"""
name: vit
endpoint_name: photos
model: {MODEL}
compute: ray
resources: {{instance_count: 2}}
settings: {{mini_batch_size: 5, retry_settings: {{max_retries: 1}}}}
scoring: {{task: embeddings}}
"""


@pytest.fixture
def deployment(tmp_path: Path) -> Path:
    """The file of a deployment `vit` of the endpoint `photos`."""
    path = tmp_path / "deployment.yml"
    path.write_text(DEPLOYMENT, "utf-8")
    return path


@pytest.fixture
def photos(tmp_path: Path, deployment: Path) -> Path:
    """The endpoint `photos` with its default `vit`; the deployment's file."""
    path = tmp_path / "endpoint.yml"
    path.write_text("name: photos\ndescription: birds\ntags: {a: 1}\n", "utf-8")
    BatchEndpoints().create_or_update(path)
    BatchDeployments().create_or_update(deployment, set_default=True)
    return deployment


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[BatchJob]:
    """Jobs that would have been started; each has a run that nobody executes."""
    jobs: list[BatchJob] = []

    def submit(job: BatchJob, *, validate: bool = True) -> RunRecord:
        jobs.append(job)
        content = job.model_dump(mode="json", exclude={"schema_"}, exclude_unset=True)
        return RunStore().create(
            {"type": job.type, "experiment_name": job.experiment_name, **content}
        )

    monkeypatch.setattr("tintype.jobs.submit.submit_job", submit)
    return jobs


Command = Callable[..., Any]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command line in this process and reads what it printed."""

    def run(*arguments: object, code: int = 0) -> Any:
        capsys.readouterr()
        assert _run([str(argument) for argument in arguments]) == code
        printed = capsys.readouterr()
        if code:
            return printed.err
        return json.loads(printed.out) if printed.out else None

    return run


def test_records_lie_in_the_workspace(workspace_home: Path, photos: Path) -> None:
    folder = workspace_home / "batch-endpoints" / "photos"
    kept = json.loads((folder / "endpoint.json").read_text())
    assert kept["document"]["defaults"] == {"deployment_name": "vit"}
    kept = json.loads((folder / "deployments" / "vit.json").read_text())
    assert kept["model"] == MODEL
    # Defaults are not written down: a later version may have better ones.
    assert kept["document"]["settings"] == {
        "mini_batch_size": 5,
        "retry_settings": {"max_retries": 1},
    }
    assert BatchEndpointStore().deployment("photos", "vit").created_at == kept["created_at"]


def test_what_is_shown_is_a_document_too(photos: Path, tmp_path: Path) -> None:
    shown = BatchDeployments().get("vit", "photos")
    assert shown["settings"]["error_threshold"] == -1
    assert shown["resources"] == {"instance_count": 2}
    assert shown["model_source"] == shown["model"] == MODEL
    again = tmp_path / "shown.json"
    again.write_text(json.dumps(shown))
    assert BatchDeployments().create_or_update(again)["settings"] == shown["settings"]
    shown = BatchEndpoints().get("photos")
    assert (shown["description"], shown["provisioning_state"]) == ("birds", "Succeeded")
    again.write_text(json.dumps(shown))
    assert BatchEndpoints().create_or_update(again)["tags"] == {"a": "1"}


def test_creating_again_overwrites_but_keeps_deployments_and_default(
    photos: Path, tmp_path: Path
) -> None:
    before = BatchEndpoints().get("photos")
    path = tmp_path / "endpoint.yml"
    path.write_text("name: photos\n")
    after = BatchEndpoints().create_or_update(path)
    assert (after["description"], after["tags"]) == (None, {})
    assert after["defaults"] == {"deployment_name": "vit"}
    assert after["created_at"] == before["created_at"]
    assert after["modified_at"] > before["modified_at"]
    shown = BatchDeployments().create_or_update(photos, ["settings.mini_batch_size=7"])
    assert shown["settings"]["mini_batch_size"] == 7
    assert [known["name"] for known in BatchDeployments().list("photos")] == ["vit"]
    path.write_text("name: photos\ndefaults: {deployment_name: other}\n")
    assert BatchEndpoints().create_or_update(path)["defaults"] == {"deployment_name": "other"}


def test_updating_an_endpoint(photos: Path) -> None:
    endpoints = BatchEndpoints()
    shown = endpoints.update("photos", {"description": "fish"}, ["tags.b=2"])
    assert (shown["description"], shown["tags"]) == ("fish", {"a": "1", "b": "2"})
    assert shown["defaults"] == {"deployment_name": "vit"}
    with pytest.raises(UsageError, match=r"'photos' has no deployment 'vot'. Did you mean 'vit'"):
        endpoints.update("photos", overrides=["defaults.deployment_name=vot"])
    cleared = endpoints.update("photos", overrides=["defaults.deployment_name=null"])
    assert cleared["defaults"] == {"deployment_name": None}
    assert endpoints.get("photos") == cleared
    with pytest.raises(UsageError, match="Did you mean 'photos'"):
        endpoints.update("photo", {})
    with pytest.raises(UsageError, match="'photos' cannot become 'birds'"):
        endpoints.update("photos", overrides=["name=birds"])
    with pytest.raises(DocumentError, match=r"tgas: unknown key. Did you mean 'tags'"):
        endpoints.update("photos", overrides=["tgas.b=2"])


def test_updating_a_deployment(photos: Path) -> None:
    deployments = BatchDeployments()
    edited = deployments.edited("vit", "photos", ["mini_batch_size=3", "compute=local"])
    shown = deployments.update(edited)
    assert (shown["settings"]["mini_batch_size"], shown["compute"]) == (3, "local")
    assert shown["settings"]["retry_settings"]["max_retries"] == 1
    with pytest.raises(UsageError, match=r"has no deployment 'vot'. Did you mean 'vit'"):
        deployments.update(photos, ["name=vot"])
    with pytest.raises(UsageError, match=r"no batch endpoint 'fotos'. Did you mean 'photos'"):
        deployments.create_or_update(photos, ["endpoint_name=fotos"])


def test_a_model_that_cannot_be_had_is_refused(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for model in ("nobody/has-this", str(tmp_path / "empty")):
        with pytest.raises(CheckpointError):
            BatchDeployments().create_or_update(photos, [f"model={model}", "name=other"])
    assert [known["name"] for known in BatchDeployments().list("photos")] == ["vit"]


def test_latest_is_the_version_of_that_moment(photos: Path, model_folder: Path) -> None:
    first = register_model("birds", model_folder)
    shown = BatchDeployments().create_or_update(photos, ["model=azureml:birds@latest"])
    assert shown["model"] == "azureml:birds@latest"
    register_model("birds", model_folder)
    job = job_of("photos", inputs={"x": "july"})
    assert job.model == shown["model_source"]
    assert first.run_id is not None
    assert first.run_id in job.model


def test_deleting(photos: Path, workspace_home: Path) -> None:
    endpoints, deployments = BatchEndpoints(), BatchDeployments()
    deployments.create_or_update(photos, ["name=other"])
    deployments.delete("other", "photos")
    assert endpoints.get("photos")["defaults"] == {"deployment_name": "vit"}
    deployments.delete("vit", "photos")
    assert endpoints.get("photos")["defaults"] == {"deployment_name": None}
    with pytest.raises(UsageError, match="has no deployment 'vit'"):
        deployments.delete("vit", "photos")
    endpoints.delete("photos")
    assert endpoints.list() == []
    assert not (workspace_home / "batch-endpoints" / "photos").exists()
    for name in ("photos", "../runs", "", "."):
        with pytest.raises(UsageError, match="there is no batch endpoint"):
            endpoints.delete(name)


def test_a_record_that_cannot_be_read_is_named(photos: Path, workspace_home: Path) -> None:
    path = workspace_home / "batch-endpoints" / "photos" / "endpoint.json"
    path.write_text("{")
    with pytest.raises(OutputError, match=r"cannot read .*endpoint\.json"):
        BatchEndpoints().get("photos")


def test_a_job_takes_the_deployments_settings(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = job_of("photos", inputs={"x": "july", "y": BatchInput(path="azureml:july:1")})
    assert (job.endpoint_name, job.deployment_name, job.model) == ("photos", "vit", MODEL)
    assert (job.compute, job.instance_count, job.scoring.task) == ("ray", 2, "embeddings")
    assert (job.settings.mini_batch_size, job.settings.retry_settings.max_retries) == (5, 1)
    assert job.inputs["x"].path == str(tmp_path / "july")
    assert job.inputs["y"].path == "azureml:july:1"
    assert (job.name, job.output_path, job.experiment_name) == (None, None, "batch")


def test_an_invocation_overrides_the_deployment(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TINTYPE_DATASTORES", json.dumps({"disk": str(tmp_path / "disk")}))
    job = job_of(
        "photos",
        inputs={"x": {"path": "july", "type": "uri_folder"}},
        output_path="azureml://datastores/disk/paths/rows",
        overrides=[
            "retry_settings.timeout=60",
            "settings.output_file_name=rows.parquet",
            "inputs.x.path=august",
            "inputs.y.path=/may",
            "tags.n=1",
            "scoring.normalize=true",
        ],
        job_name="summer",
        instance_count=1,
        mini_batch_size=20,
        experiment_name="birds",
    )
    assert {name: files.path for name, files in job.inputs.items()} == {
        "x": str(tmp_path / "august"),
        "y": "/may",
    }
    assert job.inputs["x"].type == "uri_folder"
    assert job.output_path == str(tmp_path / "disk" / "rows")
    assert (job.settings.mini_batch_size, job.settings.output_format) == (20, "parquet")
    assert job.settings.retry_settings.model_dump() == {"max_retries": 1, "timeout": 60}
    assert (job.name, job.instance_count, job.experiment_name) == ("summer", 1, "birds")
    assert (job.tags, job.scoring.normalize) == ({"n": "1"}, True)


def test_what_an_invocation_lacks(photos: Path) -> None:
    BatchEndpoints().update("photos", overrides=["defaults.deployment_name=null"])
    with pytest.raises(UsageError, match=r"no default deployment; name one .*\(vit\)"):
        job_of("photos", inputs={"x": "july"})
    assert job_of("photos", deployment_name="vit", inputs={"x": "j"}).deployment_name == "vit"
    with pytest.raises(UsageError, match="Did you mean 'vit'"):
        job_of("photos", deployment_name="vot", inputs={"x": "july"})
    with pytest.raises(UsageError, match="nothing to score"):
        job_of("photos", deployment_name="vit", inputs={})
    with pytest.raises(UsageError, match="datastore 'disk' has no local folder"):
        job_of(
            "photos",
            deployment_name="vit",
            inputs={"x": "j"},
            output_path="azureml://datastores/disk/paths/rows",
        )
    with pytest.raises(DocumentError, match="instance_count: 0 given"):
        job_of("photos", deployment_name="vit", inputs={"x": "j"}, instance_count=0)
    BatchDeployments().delete("vit", "photos")
    with pytest.raises(UsageError, match="has no deployment; make one"):
        job_of("photos", inputs={"x": "july"})


def test_the_client_invokes_and_lists_jobs(photos: Path, submitted: list[BatchJob]) -> None:
    client = Client()
    client.batch_deployments.create_or_update(photos, ["name=other"])
    first = client.batch_endpoints.invoke(
        "photos",
        inputs={"x": {"path": "/july", "type": "uri_folder"}},
        params_override=[
            {"mini_batch_size": 20},
            {"retry_settings.timeout": "9", "tags": {"a": "b"}},
            {"compute.instance_count": "4"},
        ],
    )
    second = client.batch_endpoints.invoke("photos", deployment_name="other", input=Path("/may"))
    # A child, and a job of another kind, are none of the endpoint's.
    RunStore().create({**RunStore().document(first.name), "name": "child"}, parent=first.name)
    RunStore().create({"type": "finetuning", "experiment_name": "e", "endpoint_name": "photos"})
    assert submitted[0].settings.mini_batch_size == 20
    assert submitted[0].settings.retry_settings.timeout == 9
    assert submitted[0].tags == {"a": "b"}
    assert submitted[0].instance_count == 4
    assert submitted[1].inputs == {"input": BatchInput(path="/may")}
    names = [run.name for run in client.batch_endpoints.list_jobs("photos")]
    assert names == [second.name, first.name]
    (only,) = client.batch_deployments.list_jobs("other", "photos")
    assert only.name == second.name
    with pytest.raises(UsageError, match="no batch endpoint 'fotos'"):
        client.batch_endpoints.list_jobs("fotos")
    with pytest.raises(UsageError, match="both inputs and input"):
        client.batch_endpoints.invoke("photos", inputs={"x": "a"}, input="b")


def test_the_life_of_an_endpoint_on_the_command_line(
    deployment: Path, submitted: list[BatchJob], command: Command, tmp_path: Path
) -> None:
    assert command("batch-endpoint", "create", "-n", "photos")["name"] == "photos"
    command(
        "batch-deployment", "create", "-f", deployment, "--set", "compute=local", "--set-default"
    )
    shown = command("batch-endpoint", "show", "--name", "photos", "--query", "defaults")
    assert shown == {"deployment_name": "vit"}
    shown = command(
        "batch-deployment",
        "update",
        "-n",
        "vit",
        "-e",
        "photos",
        "--set",
        "settings.mini_batch_size=6",
        "error_threshold=0",
    )
    assert (shown["settings"]["mini_batch_size"], shown["settings"]["error_threshold"]) == (6, 0)
    listed = command("batch-deployment", "list", "--endpoint-name", "photos")
    assert [found["compute"] for found in listed] == ["local"]
    job = command(
        "batch-endpoint",
        "invoke",
        "-n",
        "photos",
        "--input",
        "/july",
        "--input-type",
        "uri_folder",
        "-p",
        tmp_path / "rows",
        "-m",
        "3",
        "-c",
        "4",
        "--job-name",
        "summer",
        "--experiment-name",
        "birds",
        "--set",
        "settings.output_header=true",
        "tags.a=b",
    )
    assert (job["name"], job["status"], job["type"]) == ("summer", "NotStarted", "batch")
    (asked,) = submitted
    assert asked.inputs == {"input": BatchInput(path="/july", type="uri_folder")}
    assert asked.output_path == str(tmp_path / "rows")
    assert (asked.settings.mini_batch_size, asked.settings.output_header) == (3, True)
    assert (asked.instance_count, asked.experiment_name, asked.tags) == (4, "birds", {"a": "b"})
    for jobs in (
        command("batch-endpoint", "list-jobs", "-n", "photos"),
        command("batch-deployment", "list-jobs", "-n", "vit", "-e", "photos"),
    ):
        assert [found["name"] for found in jobs] == ["summer"]
    command("batch-deployment", "delete", "-n", "vit", "-e", "photos", "--yes")
    assert "has no deployment; make one" in command(
        "batch-endpoint", "invoke", "-n", "photos", "--input", "/july", code=2
    )
    command("batch-endpoint", "delete", "-n", "photos", "-y")
    assert command("batch-endpoint", "list") == []
    assert command("job", "show", "-n", "summer")["type"] == "batch"


def test_inputs_on_the_command_line(
    photos: Path, submitted: list[BatchJob], command: Command, tmp_path: Path
) -> None:
    invoke = ("batch-endpoint", "invoke", "--name", "photos")
    for old in ("--input-data", "--input-path", "--input-local-path"):
        command(*invoke, old, "azureml:july:1")
        assert submitted.pop().inputs == {"input": BatchInput(path="azureml:july:1")}
    file = tmp_path / "inputs.yml"
    file.write_text("inputs:\n  x: {type: uri_folder, path: july}\n")
    command(*invoke, "-f", file, "--set", "inputs.x.path=/august")
    assert submitted.pop().inputs == {"x": BatchInput(path="/august", type="uri_folder")}
    command(*invoke, "-f", file)
    assert submitted.pop().inputs["x"].path == str(tmp_path / "july")
    command(*invoke, "--set", "inputs.x.path=/may")
    assert submitted.pop().inputs == {"x": BatchInput(path="/may")}
    for wrong, message in (
        ((), "nothing to score"),
        (("--input", "a", "-f", file), "both --input and --file"),
        (("-f", file, "--input-type", "uri_file"), "--input-type is for --input"),
        (("--input", "a", "--input-type", "folder"), "inputs.input.type: 'folder' given"),
    ):
        assert message in command(*invoke, *wrong, code=2)
    assert submitted == []


def test_invoke_can_follow_its_job(
    photos: Path, submitted: list[BatchJob], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed = []

    def follow(name: str, *, from_end: bool) -> RunRecord:
        followed.append(name)
        return RunStore().update(name, status="Completed")

    monkeypatch.setattr("tintype.cli.job.follow", follow)
    shown = command("batch-endpoint", "invoke", "-n", "photos", "--input", "/july", "-s")
    assert followed == [shown["name"]]
    assert shown["status"] == "Completed"
