"""Write docs/jobs.md from the documents' own fields: `python samples/write_job_docs.py`.

A test holds the page to what this would write, so it cannot drift.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

from pydantic import BaseModel

from tintype.schemas.augmentations import Augmentations
from tintype.schemas.finetuning import FinetuningParameters
from tintype.schemas.job import DataInput, EvaluationSection, FinetuningJob, ModelOutput

PAGE = Path(__file__).parents[1] / "docs" / "jobs.md"

HEAD = """# Fine-tuning jobs

A job document is a YAML file for `tintype job create --file job.yml`. An unknown key is an error that
names its line and the nearest valid key. Keys that mean something on Azure only are accepted and
reported. `--set a.b=value` overrides any key. Azure's pipeline document around
`transformers_image_classification_pipeline` is read too (`samples/finetune-azure-pipeline.yml`).

`tintype job list | show | stream | cancel | resume | download | archive` take it from there. A job that
was killed goes on from its last checkpoint with `tintype job resume --name NAME`, or with
`tintype job create --file job.yml --name NAME --resume`, and reaches the weights it would have reached.
"""


def page() -> str:
    """The whole of docs/jobs.md."""
    parts = [HEAD, section("The document", FinetuningJob)]
    parts.append(section("`training_data`, `validation_data`, `test_data`", DataInput))
    parts.append(section("`hyperparameters`", FinetuningParameters))
    parts.append(section("`hyperparameters.augmentations`", Augmentations))
    parts.append(section("`evaluation`", EvaluationSection))
    parts.append(section("`outputs.<any name>`", ModelOutput))
    return "\n".join(parts)


def section(title: str, model: type[BaseModel]) -> str:
    """A heading and the table of `model`'s fields."""
    lines = [f"## {title}", "", "| key | default | meaning |", "|---|---|---|"]
    docs = docstrings(model)
    for name, field in model.model_fields.items():
        if field.exclude:
            continue
        default = (
            "required"
            if field.is_required()
            else shown(field.get_default(call_default_factory=True))
        )
        lines.append(f"| `{field.alias or name}` | {default} | {docs[name]} |")
    return "\n".join([*lines, ""])


def shown(value: object) -> str:
    """A default as YAML would write it."""
    if value is None or isinstance(value, BaseModel) or value in ({}, ""):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The string under each field of `model`, on one line."""
    body = ast.parse(inspect.getsource(model)).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            assert isinstance(field.target, ast.Name)
            found[field.target.id] = " ".join(str(ast.literal_eval(text.value)).split()).replace(
                "|", "\\|"
            )
    return found


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
