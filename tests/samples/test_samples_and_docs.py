from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tintype.jobs.pipeline.components import with_components
from tintype.jobs.pipeline.graph import build_graph
from tintype.jobs.scheduled import job_of
from tintype.monitoring.baseline import read_baseline_table
from tintype.schemas.automl_job import AutomlJob
from tintype.schemas.batch_deployment import load_batch_deployment
from tintype.schemas.batch_endpoint import load_batch_endpoint
from tintype.schemas.batch_job import BatchJob
from tintype.schemas.evaluation_job import EvaluationJob
from tintype.schemas.job import load_job
from tintype.schemas.labelling_project import load_labelling_project
from tintype.schemas.monitor import load_monitor
from tintype.schemas.online_deployment import load_online_deployment
from tintype.schemas.online_endpoint import load_online_endpoint
from tintype.schemas.pipeline_job import PipelineJob
from tintype.schemas.schedule import load_schedule

ROOT = Path(__file__).parents[2]
NO_JOBS = {
    "labelling-project.yml",
    "monitor.yml",
    "loop.yml",
    "nightly-schedule.yml",
    "online-endpoint.yml",
    "online-deployment.yml",
    "batch-endpoint.yml",
    "batch-deployment.yml",
}
JOBS = sorted(path for path in (ROOT / "samples").glob("*.yml") if path.name not in NO_JOBS)


def without_data(job: PipelineJob) -> PipelineJob:
    """The pipeline with a folder that is there in place of its users' own data."""
    inputs = {
        name: {**value, "path": str(ROOT / "samples"), "type": "uri_folder"}
        if isinstance(value, dict)
        else value
        for name, value in job.inputs.items()
    }
    return job.model_copy(update={"inputs": inputs})


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.name)
def test_sample_documents_are_valid(path: Path) -> None:
    job = load_job(path)
    if isinstance(job, BatchJob):
        assert Path(job.inputs["input"].path).is_absolute()
        return
    if isinstance(job, EvaluationJob):
        assert Path(job.test_data.path).is_absolute()
        return
    if isinstance(job, PipelineJob):
        assert build_graph(with_components(without_data(job))).steps
        return
    assert isinstance(job, AutomlJob) or job.model_name
    assert Path(job.training_data.path).is_absolute()


def test_the_sample_labelling_project_is_valid() -> None:
    project = load_labelling_project(ROOT / "samples" / "labelling-project.yml")
    assert Path(project.data).is_dir()
    assert [label.key for label in project.labels] == ["t", "s", None, None]


def test_the_sample_endpoint_and_its_deployment_are_valid() -> None:
    endpoint = load_online_endpoint(ROOT / "samples" / "online-endpoint.yml")
    deployment = load_online_deployment(ROOT / "samples" / "online-deployment.yml")
    assert deployment.endpoint_name == endpoint.name
    assert [*endpoint.notices(), *deployment.notices()] == []


def test_the_sample_batch_endpoint_and_its_deployment_are_valid() -> None:
    endpoint = load_batch_endpoint(ROOT / "samples" / "batch-endpoint.yml")
    deployment = load_batch_deployment(ROOT / "samples" / "batch-deployment.yml")
    assert deployment.endpoint_name == endpoint.name
    assert [*endpoint.notices(), *deployment.notices()] == []


@pytest.mark.parametrize("name", ["nightly-schedule.yml", "loop.yml"])
def test_the_sample_schedules_are_valid(name: str) -> None:
    job = job_of(load_schedule(ROOT / "samples" / name))
    assert isinstance(job, PipelineJob)
    assert build_graph(with_components(without_data(job))).steps


def test_the_sample_monitor_is_valid() -> None:
    monitor = load_monitor(ROOT / "samples" / "monitor.yml")
    assert len(read_baseline_table(monitor.baseline)) > 100
    assert monitor.schedule is not None
    assert monitor.without_effect == ()


def test_the_page_of_keys_says_what_the_code_does() -> None:
    written = runpy.run_path(str(ROOT / "samples" / "write_job_docs.py"))["page"]()
    assert (ROOT / "docs" / "jobs.md").read_text("utf-8") == written


def test_files_that_the_readme_names_exist() -> None:
    import re

    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_what_the_code_cites_is_written_down() -> None:
    """Docstrings point to pages and sections of this repository."""
    import re

    sections = set(
        re.findall(r"\(§([0-9.]+)\)", (ROOT / "docs" / "contracts.md").read_text("utf-8"))
    )
    cited = 0
    for path in sorted([*ROOT.glob("tintype/**/*.py"), *ROOT.glob("tests/**/*.py")]):
        text = path.read_text("utf-8")
        for page in re.findall(r"docs/([a-z]+)\.md", text):
            assert (ROOT / "docs" / f"{page}.md").is_file(), f"{path}: docs/{page}.md"
        for first, second in re.findall(
            r"docs/contracts\.md §([0-9]+(?:\.[0-9]+)?)(?: and §([0-9.]+[0-9]))?", text
        ):
            for section in filter(None, (first, second)):
                cited += 1
                assert section in sections, f"{path}: docs/contracts.md §{section}"
    assert cited > 20
