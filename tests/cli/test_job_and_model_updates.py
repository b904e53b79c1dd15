"""What a job and a model say of themselves can change; a document can be checked without a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from checkpoints import write_checkpoint

from tintype.workspace.importing import import_model
from tintype.workspace.runs import RunStore

Command = Callable[..., Any]


def test_a_job_says_other_things_of_itself(command: Command, workspace_home: Path) -> None:
    document = {"type": "finetuning", "experiment_name": "e", "name": "first", "tags": {"a": "1"}}
    RunStore().create(document)
    shown = command(
        *"job update -n first --set tags.b=2 tags.a=3 display_name=July".split(),
        *"--set description=photos".split(),
    )
    assert (shown["tags"], shown["display_name"]) == ({"a": "3", "b": "2"}, "July")
    assert command("job", "show", "-n", "first")["description"] == "photos"
    said = command("job", "update", "-n", "first", "--set", "tag.c=1", code=2)
    assert "only display_name, description, tags, properties change. Did you mean 'tags'?" in said
    services = command("job", "show-services", "-n", "first")
    assert services["folder"] == str(workspace_home / "runs" / "first")
    assert "no job named 'second'" in command("job", "update", "-n", "second", code=2)


def test_a_document_is_checked_and_nothing_starts(
    command: Command, tmp_path: Path, workspace_home: Path
) -> None:
    file = tmp_path / "job.yml"
    job: dict[str, Any] = {
        "type": "evaluation",
        "model": str(write_checkpoint(tmp_path / "vit")),
        "test_data": {"path": "nowhere", "type": "mltable"},
    }
    file.write_text(yaml.safe_dump(job))
    assert "nowhere" in command("job", "validate", "--file", file, code=2)
    assert not (workspace_home / "runs").exists()


def test_a_model_says_other_things_of_itself(command: Command, tmp_path: Path) -> None:
    import_model(str(write_checkpoint(tmp_path / "vit")), name="photos")
    update = ["model", "update", "-n", "photos", "--label", "latest"]
    shown = command(*update, "--set", "description=July", "tags.stage=live")
    assert (shown["description"], shown["tags"]["stage"]) == ("July", "live")
    shown = command(*update, "--set", "tags={}")
    assert (shown["version"], shown["tags"]) == ("1", {})
    assert command("model", "show", "photos")["description"] == "July"
    assert "only description and tags" in command(*update, "--set", "path=x", code=2)
