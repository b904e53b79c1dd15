"""The OpenAPI document of a served classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tintype.schemas.task import MULTILABEL, ClassificationTask

__all__ = ["openapi_document"]

# The smallest GIF there is: an example that can be sent as it stands.
_PIXEL = "R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs="


def openapi_document(task: ClassificationTask, classes: Sequence[str]) -> dict[str, Any]:
    """OpenAPI 3.1 for POST /score, with this model's labels in the example."""
    count = len(classes)
    probs = [0.5] * count if task == MULTILABEL else [round(1 / count, 4)] * count
    image = {"type": "string", "description": "base64, data: URI or http(s) URL of an image"}
    row = {"anyOf": [image, {"type": "array", "items": image, "minItems": 1, "maxItems": 1}]}
    split = {
        "type": "object",
        "required": ["columns", "data"],
        "properties": {
            "columns": {"type": "array", "items": {"const": "image"}, "minItems": 1, "maxItems": 1},
            "index": {"type": "array", "items": {"type": "integer"}},
            "data": {"type": "array", "items": row, "minItems": 1},
        },
    }
    request = {
        "type": "object",
        "required": ["input_data"],
        "properties": {
            "input_data": {"anyOf": [split, {"type": "array", "items": row, "minItems": 1}]},
            "params": {"type": "object"},
        },
        "example": {"input_data": {"columns": ["image"], "index": [0], "data": [_PIXEL]}},
    }
    answer = {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["probs", "labels"],
            "properties": {
                "probs": {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 1},
                          "minItems": count, "maxItems": count},
                "labels": {"type": "array", "items": {"type": "string"}},
            },
        },
        "example": [{"probs": probs, "labels": list(classes)}],
    }  # fmt: skip
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
        )
    }
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Image classification", "version": "1", "x-task": task},
        "security": [{"key": []}],
        "paths": {
            "/score": {
                "post": {
                    "operationId": "score",
                    "summary": "Probabilities of every label for each image",
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
