"""Azure's protocol: `POST /score` with JSON, a form with files, or one image (docs/contracts.md §0.4)."""

from __future__ import annotations

import email.parser
import email.policy

from tintype.endpoints.online.calls import ScoreCall
from tintype.endpoints.online.instances.protocols.face import (
    Features,
    Limits,
    Probabilities,
    Rows,
    with_errors,
    with_explanations,
)
from tintype.errors import RequestError
from tintype.schemas.wire import read_score_request, write_answer, write_embeddings

__all__ = ["AzureProtocol", "multipart_images"]


class AzureProtocol:
    """See `WireProtocol`."""

    has_styles = True

    def read(self, call: ScoreCall, limits: Limits) -> Rows:
        """See `WireProtocol`."""
        kind = _media_type(call.content_type)
        if kind in ("application/json", "text/json", "text/plain"):
            request = read_score_request(
                call.body, max_rows=limits.max_rows, images_required=limits.images_required
            )
            return Rows(request.images, request.texts, explanations=request.explanations)
        if kind == "multipart/form-data":
            images = multipart_images(call.body, call.content_type)
            if len(images) > limits.max_rows:
                raise RequestError(
                    f"{len(images)} images; the limit is {limits.max_rows}", status=413
                )
            return Rows(images, ())
        if kind.startswith("image/") or kind == "application/octet-stream":
            return Rows([call.body], ())
        raise RequestError(
            f"content type {kind!r}; expected application/json, multipart/form-data or image/*",
            status=415,
        )

    def write_probabilities(self, rows: Rows, answer: Probabilities, model_name: str) -> bytes:
        """See `WireProtocol`."""
        written = write_answer(answer.rows, answer.labels, answer.style)
        return with_explanations(with_errors(written, rows.errors), answer.explained)

    def write_features(self, rows: Rows, answer: Features, model_name: str) -> bytes:
        """See `WireProtocol`."""
        return with_errors(write_embeddings(answer.images, answer.texts), rows.errors)


def _media_type(content_type: str) -> str:
    """The media type of a Content-Type header without parameters; JSON where there is none."""
    return (content_type or "application/json").split(";", 1)[0].strip().lower()


def multipart_images(body: bytes, content_type: str) -> list[bytes]:
    """The files of a multipart/form-data body, in order.

    Raises:
        RequestError: 400 when the body has no files, or is not what its header says.
    """
    # The parser of e-mail reads MIME parts; a form is one.
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    if not message.is_multipart():
        raise RequestError("the body is not multipart/form-data with a boundary")
    images: list[bytes] = []
    for part in message.iter_parts():
        if part.get_filename() is None:
            continue
        payload = part.get_payload(decode=True)
        images.append(payload if isinstance(payload, bytes) else b"")
    if not images:
        raise RequestError("the form has no file in it; send each image as a file")
    return images
