"""Options of every command that loads a model to score with."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from tintype.errors import UsageError

__all__ = ["Calibration", "Pooling", "TaskName", "Tta", "images_in", "takes_scoring"]

Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
Runtime = Annotated[
    str | None,
    typer.Option("--runtime", help="auto, torch, torch-compile, openvino or onnxruntime."),
]
Precision = Annotated[
    str | None,
    typer.Option("--precision", help="auto, fp32, bf16 or int8 (after `model quantize`)."),
]
TaskName = Annotated[
    str | None,
    typer.Option(
        "--task", help="image_classification, zero_shot_image_classification, embeddings."
    ),
]
Labels = Annotated[
    str | None,
    typer.Option("--labels", help="Zero-shot: 'a cat, a dog', or a JSON list of strings."),
]
Prompt = Annotated[
    str | None, typer.Option("--prompt", help="Zero-shot: a template, 'a photo of a {}'.")
]
Pooling = Annotated[
    str, typer.Option("--pooling", help="Embeddings: auto, cls, mean or projection.")
]
Normalize = Annotated[
    bool, typer.Option("--normalize/--no-normalize", help="Embeddings: scaled to length 1.")
]
Tta = Annotated[
    str,
    typer.Option(
        "--tta", help="none, or flip: see each image mirrored, too, and average; twice the time."
    ),
]
Exact = Annotated[
    bool | None,
    typer.Option(
        "--exact/--fast",
        help="Images bit for bit as transformers reads them, or up to 4x faster. "
        "Default: exact in fp32.",
    ),
]
Calibration = Annotated[
    Path, typer.Option("--images", help="Folder of your own images; a few hundred are enough.")
]

# In the order of `--help`: name, type and default.
_OPTIONS: dict[str, tuple[Any, Any]] = {
    "labels": (Labels, None),
    "prompt": (Prompt, None),
    "task": (TaskName, None),
    "pooling": (Pooling, "auto"),
    "normalize": (Normalize, False),
    "tta": (Tta, "none"),
    "runtime": (Runtime, None),
    "precision": (Precision, None),
    "device": (Device, "auto"),
    "exact": (Exact, None),
}


def takes_scoring(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of scoring in the place of its parameter `scoring`, which then is
    the `ScorerOptions` that they make."""
    hints = get_type_hints(function, include_extras=True)
    parameters: list[inspect.Parameter] = []
    for own in inspect.signature(function).parameters.values():
        if own.name != "scoring":
            parameters.append(own.replace(annotation=hints[own.name]))
            continue
        parameters += [
            inspect.Parameter(
                name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=kind
            )
            for name, (kind, default) in _OPTIONS.items()
        ]

    def run(**given: Any) -> Any:
        from tintype.scoring import ScorerOptions

        options = {name: given.pop(name) for name in _OPTIONS}
        options["labels"] = _label_list(options["labels"])
        return function(**given, scoring=ScorerOptions.of(**options))

    run.__name__, run.__doc__ = function.__name__, function.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _label_list(text: str | None) -> tuple[str, ...] | None:
    """Labels as --labels writes them, or None.

    Raises:
        UsageError: they cannot be read.
    """
    if text is None:
        return None
    from tintype.scoring.label_sets import parse_labels

    return parse_labels(text)


def images_in(folder: Path) -> list[Any]:
    """The image files of a folder and its subfolders, in order.

    Raises:
        UsageError: there are none.
    """
    from tintype.data.folders import IMAGE_ENDINGS

    images = sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_ENDINGS)
    if not images:
        raise UsageError(f"{folder} has no images in it")
    return images
