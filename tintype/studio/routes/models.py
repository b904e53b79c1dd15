"""Routes of models: registered versions, and the catalog."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from tintype.studio.state import StudioOf

__all__ = ["router"]

router = APIRouter(prefix="/api/models", tags=["models"])


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


class CardAnswer(BaseModel):
    """A checkpoint of the catalog."""

    name: str
    task: str
    family: str
    parameters: int
    license: str
    description: str


@router.get("", response_model=list[ModelVersionAnswer])
def list_models(studio: StudioOf) -> list[dict[str, Any]]:
    """The latest version of every registered model."""
    return [model.shown() for model in studio.client.models.list()]


@router.get("/catalog", response_model=list[CardAnswer])
def list_cards(studio: StudioOf) -> list[dict[str, Any]]:
    """Checkpoints that can be trained from or used as they are."""
    return [card.model_dump(mode="json") for card in studio.client.models.catalog()]
