"""Routes of models: registered versions, and the catalog."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from tintype.errors import RequestError, UsageError
from tintype.models.catalog import find_card
from tintype.models.local_weights import weights_are_here
from tintype.studio.model_facts import evaluations_of, facts_of, served_by
from tintype.studio.routes.jobs import known_run
from tintype.studio.state import Studio, StudioOf
from tintype.workspace.imported import imported_as
from tintype.workspace.model_versions import ModelVersion
from tintype.workspace.registry import describe_model

__all__ = ["known_version", "router"]

router = APIRouter(prefix="/api/models", tags=["models"])

_OF_RUN = "azureml://jobs/{}/outputs/artifacts/paths/outputs/mlflow-model/"

_OWN = "tintype."


class ModelVersionAnswer(BaseModel):
    """A version of a registered model."""

    id: str
    name: str
    version: str
    type: str
    description: str | None
    tags: dict[str, str]
    created_at: int
    """Milliseconds since 1970, UTC."""
    archived: bool


class EvaluationAnswer(BaseModel):
    """Metrics of a model on some pictures, as metrics.json has them."""

    run: str
    title: str
    """Which pictures: validation, test, or those of an evaluation job."""
    report: str
    """Path of the report below the run's folder."""
    rows: int
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    """95 %."""


class ServedAnswer(BaseModel):
    """A deployment that serves the version."""

    endpoint: str
    deployment: str
    batch: bool


class ModelAnswer(ModelVersionAnswer):
    """All that is known of a version."""

    versions: list[ModelVersionAnswer]
    """All of its name, newest first."""
    card: dict[str, Any]
    """card.yaml; empty where the files are gone."""
    labels: list[str]
    """The first thousand, in the order of the probabilities."""
    label_count: int
    bytes: int
    missing: str | None
    """Why its files cannot be had."""
    job: str | None
    """The run that made it."""
    evaluations: list[EvaluationAnswer]
    served_by: list[ServedAnswer]


class CardAnswer(BaseModel):
    """A checkpoint of the catalog, in a line."""

    name: str
    task: str
    family: str
    parameters: int
    input_size: tuple[int, int]
    license: str
    description: str
    here: bool
    """Whether its weights are on this machine."""
    imported_as: str | None
    """The registered model that it was imported as."""


class WholeCardAnswer(BaseModel):
    """A checkpoint of the catalog."""

    card: dict[str, Any]
    """As `tintype model show` prints it."""
    here: bool
    imported_as: str | None


class RegisterBody(BaseModel):
    """A model to be registered: what a run has made, or a folder."""

    name: str = Field(min_length=1, max_length=255)
    run: str | None = Field(None, max_length=255)
    path: str | None = Field(None, max_length=4096)
    version: str | None = Field(None, max_length=30)
    description: str | None = Field(None, max_length=10_000)


class DescribeBody(BaseModel):
    """What a version says of itself."""

    description: str | None = Field(None, max_length=10_000)
    tags: dict[str, str] = Field(max_length=100)


class ArchiveBody(BaseModel):
    """Whether a version is hidden from lists."""

    archived: bool


@router.get("", response_model=list[ModelVersionAnswer])
def list_models(
    studio: StudioOf, archived: Annotated[bool, Query(description="Those, too.")] = False
) -> list[dict[str, Any]]:
    """The latest version of every registered model."""
    return [model.shown() for model in studio.client.models.list(include_archived=archived)]


@router.post("", response_model=ModelVersionAnswer, status_code=201)
def register(studio: StudioOf, body: RegisterBody) -> dict[str, Any]:
    """Register a model folder as a version of a name: the one given, or the next number."""
    if (body.run is None) == (body.path is None):
        raise RequestError("give either run or path")
    if body.run is not None:
        known_run(studio, body.run)
    return studio.client.models.create_or_update(
        body.name,
        body.path or _OF_RUN.format(body.run),
        version=body.version or None,
        description=body.description or None,
        # As a job that registers its model itself does.
        tags={"tintype.job": body.run} if body.run is not None else None,
    ).shown()


@router.get("/catalog", response_model=list[CardAnswer])
def list_cards(studio: StudioOf) -> list[dict[str, Any]]:
    """Checkpoints that can be trained from or used as they are."""
    return [
        {
            **card.model_dump(mode="json"),
            "here": weights_are_here(card.name),
            "imported_as": imported_as(card.name),
        }
        for card in studio.client.models.catalog()
    ]


@router.get("/card", response_model=WholeCardAnswer)
def show_card(name: str) -> dict[str, Any]:
    """One checkpoint of the catalog, by any of its names."""
    card = find_card(name)
    if card is None:
        raise RequestError(f"{name!r} names nothing in the catalog", status=404)
    return {
        "card": card.shown(),
        "here": weights_are_here(card.name),
        "imported_as": imported_as(card.name),
    }


@router.get("/{name}", response_model=ModelAnswer)
def show_model(studio: StudioOf, name: str, version: str | None = None) -> dict[str, Any]:
    """A version of a model, the latest where none is named: card, labels, evaluation, where it came from and
    where it serves."""
    return _shown(studio, known_version(studio, name, version))


@router.put("/{name}/versions/{version}", response_model=ModelAnswer)
def describe(studio: StudioOf, name: str, version: str, body: DescribeBody) -> dict[str, Any]:
    """Give a version another description and other tags."""
    model = known_version(studio, name, version)
    # Those say where it is from, and stay.
    own = {key: value for key, value in model.tags.items() if key.startswith(_OWN)}
    tags = {key: value for key, value in body.tags.items() if not key.startswith(_OWN)}
    changed = describe_model(model, description=body.description, tags={**own, **tags})
    return _shown(studio, changed)


@router.put("/{name}/versions/{version}/archived", response_model=ModelAnswer)
def archive(studio: StudioOf, name: str, version: str, body: ArchiveBody) -> dict[str, Any]:
    """Hide a version from lists, or bring it back."""
    known_version(studio, name, version)
    if body.archived:
        studio.client.models.archive(name, version)
    else:
        studio.client.models.restore(name, version)
    return _shown(studio, known_version(studio, name, version))


def known_version(studio: Studio, name: str, version: str | None) -> ModelVersion:
    """
    Raises:
        RequestError: 404, there is no such model or version.
    """
    try:
        return studio.client.models.get(name, version)
    except UsageError as error:
        raise RequestError(str(error), status=404) from None


def _shown(studio: Studio, model: ModelVersion) -> dict[str, Any]:
    versions = studio.client.models.list(model.name, include_archived=True)
    facts = facts_of(model)
    return {
        **model.shown(),
        **vars(facts),
        "versions": [each.shown() for each in versions],
        "job": model.tags.get("tintype.job"),
        "evaluations": evaluations_of(model, facts, studio.runs),
        "served_by": served_by(model, facts),
    }
