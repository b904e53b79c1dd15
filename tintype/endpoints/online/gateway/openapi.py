"""The OpenAPI document of a served model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tintype.schemas.task import EMBEDDINGS, MULTILABEL, ZERO_SHOT, Task

__all__ = ["openapi_document"]

_TITLES: dict[Task, str] = {
    "image_classification": "Image classification",
    "image_classification_multilabel": "Image classification",
    "zero_shot_image_classification": "Zero-shot image classification",
    "embeddings": "Image embeddings",
}
_SUMMARIES: dict[Task, str] = {
    "image_classification": "Probabilities of every label for each image",
    "image_classification_multilabel": "Probabilities of every label for each image",
    "zero_shot_image_classification": "Probabilities of the labels that the first row names",
    "embeddings": "Features of each image",
}

# The smallest GIF there is: an example that can be sent as it stands.
_PIXEL = "R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs="


def openapi_document(
    task: Task,
    classes: Sequence[str],
    *,
    reads_text: bool = False,
    explanations: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """OpenAPI 3.1 for POST /score, with this model's labels in the example.

    Args:
        reads_text: whether a model of embeddings embeds texts, too.
        explanations: see `offered_explanations`, with `timeout_s`, the seconds that a call may take; None where
            that is not known.
    """
    texts = task == EMBEDDINGS and reads_text
    explained = bool(explanations and explanations["methods"])
    request, answer = _request(task, texts, explained), _answer(task, classes, texts, explained)
    error = {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message"],
                "properties": {
                    "code": {"type": "integer"},
                    "message": {"type": "string"},
                    "row": {"type": "integer", "description": "the row at fault, from 0"},
                },
            }
        },
    }
    refused = {
        status: {"description": text, "content": {"application/json": {"schema": error}}}
        for status, text in (
            ("400", "the request is malformed"),
            ("401", "the key is missing or wrong"),
            ("408", "no answer within request_timeout_ms"),
            ("413", "body, rows or images over a limit"),
            ("415", "not a content type that is understood"),
            ("422", "an image cannot be read; names its row"),
            ("424", "the model failed"),
            ("429", "the server is at its limit; see Retry-After"),
            ("501", "explanations need an extra that is not installed"),
        )
    }
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Image and text embeddings" if texts else _TITLES[task],
            "version": "1",
            "x-task": task,
            **({"x-explanations": explanations} if explanations else {}),
        },
        "security": [{"key": []}],
        "paths": {
            "/score": {
                "post": {
                    "operationId": "score",
                    "summary": "Features of each image, each text, or both"
                    if texts
                    else _SUMMARIES[task],
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/json": {"schema": request},
                            "multipart/form-data": {
                                "schema": {
                                    "type": "object",
                                    "properties": {"file": {"type": "string", "format": "binary"}},
                                }
                            },
                            "image/jpeg": binary,
                            "image/png": binary,
                        },
                    },
                    "responses": {
                        "200": {
                            "description": "one entry per image, in order",
                            "content": {"application/json": {"schema": answer}},
                        },
                        **refused,
                    },
                }
            }
        },
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    }


def _request(task: Task, texts: bool, explained: bool) -> dict[str, Any]:
    columns = ["image", "text"] if texts or task == ZERO_SHOT else ["image"]
    image: dict[str, Any] = {
        "type": "string",
        "minLength": 1,
        "description": "base64, data: URI or http(s) URL of an image",
    }
    if explained:
        image["description"] += (
            "; or the text of a JSON object: image_base64, model_explainability (true: the answer is explained), "
            "xai_parameters"
        )
    cell: dict[str, Any] = image
    data: list[Any] = [_PIXEL]
    if task == ZERO_SHOT:
        text = {
            "description": "labels, separated by commas or as a list; the first row's count",
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        }
        cell, data = {"anyOf": [image, text]}, [[_PIXEL, "can, carton, jug"]]
    elif texts:
        cell = {
            "type": "string",
            "description": f"{image['description']}, or a text; empty in a column that is not used",
        }
        data = [[_PIXEL, "a photo of a can"]]
    row = {
        "anyOf": [cell, {"type": "array", "items": cell, "minItems": 1, "maxItems": len(columns)}]
    }
    split = {
        "type": "object",
        "required": ["columns", "data"],
        "properties": {
            "columns": {
                "type": "array",
                "items": {"enum": columns},
                "minItems": 1,
                "maxItems": len(columns),
            },
            "index": {"type": "array", "items": {"type": "integer"}},
            "data": {"type": "array", "items": row, "minItems": 1},
        },
    }
    return {
        "type": "object",
        "required": ["input_data"],
        "properties": {
            "input_data": {"anyOf": [split, {"type": "array", "items": row, "minItems": 1}]},
            "params": {"type": "object"},
        },
        "example": {"input_data": {"columns": columns, "index": [0], "data": data}},
    }


def _answer(task: Task, classes: Sequence[str], texts: bool, explained: bool) -> dict[str, Any]:
    if task == EMBEDDINGS:
        numbers = {"type": "array", "items": {"type": "number"}}
        example = {"image_features": [0.91, -0.64], "text_features": [0.18, 0.72]}
        kinds = ["image_features", "text_features"] if texts else ["image_features"]
        row = {
            "type": "object",
            "properties": dict.fromkeys(kinds, numbers),
            "minProperties": 1,
        }
        return {"type": "array", "items": row, "example": [{kind: example[kind] for kind in kinds}]}
    labels = list(classes) or ["can", "carton", "jug"]
    count = len(labels)
    probs = [0.5] * count if task == MULTILABEL else [round(1 / count, 4)] * count
    probabilities: dict[str, Any] = {
        "type": "array",
        "items": {"type": "number", "minimum": 0, "maximum": 1},
    }
    if classes:
        probabilities |= {"minItems": count, "maxItems": count}
    row = {
        "type": "object",
        "required": ["probs", "labels"],
        "properties": {
            "probs": probabilities,
            "labels": {"type": "array", "items": {"type": "string"}},
            **(_explained(task) if explained else {}),
        },
    }
    return {"type": "array", "items": row, "example": [{"probs": probs, "labels": labels}]}


def _explained(task: Task) -> dict[str, Any]:
    """What the answers have besides, where they are explained."""
    picture: dict[str, Any] = {
        "type": "string",
        "contentEncoding": "base64",
        "contentMediaType": "image/png",
        "description": "the input, its heat map, both together, the top 30 % of its pixels",
    }
    numbers: dict[str, Any] = {
        "type": "array",
        "description": "[3, height, width]",
        "items": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
    }
    if task == MULTILABEL:
        # One for each label from the threshold on.
        picture, numbers = ({"type": "array", "items": each} for each in (picture, numbers))
    return {"visualizations": picture, "attributions": numbers}
