"""`tintype component`, `environment` and `workspace`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tintype.settings import get_settings

Command = Callable[..., Any]

COMPONENT = """
$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json
name: prepare
version: {version}
type: command
code: ./src
command: python prepare.py --out ${{{{outputs.table}}}}
environment: azureml:ours@latest
inputs: {{share: {{type: number, default: 0.2}}}}
outputs: {{table: {{type: mltable}}}}
"""


def test_azures_scripts_find_the_component_that_they_name(command: Command) -> None:
    name = "transformers_image_classification_pipeline"
    asked = ["component", "show", "--name", name, "--label", "latest", "--registry-name", "azureml"]
    assert command(*asked, "--query", "version", "-o", "tsv") == "0.0.25\n"
    shown = command(*asked)
    assert shown["type"] == "pipeline"
    assert shown["inputs"]["training_data"] == {"type": "mltable"}
    assert shown["inputs"]["learning_rate"] == {"type": "number", "optional": True}
    assert shown["inputs"]["apply_augmentations"]["type"] == "boolean"
    assert shown["inputs"]["max_steps"] == {"type": "integer", "optional": True, "default": -1}
    assert "mlflow_model_folder" in shown["outputs"]
    listed = command("component", "list", "--registry-name", "azureml", "-o", "tsv")
    assert listed.splitlines()[0].startswith(f"{name}\t0.0.25\tpipeline\t")
    said = command("component", "show", "-n", name + "s", "--registry-name", "azureml", code=2)
    assert f"Did you mean {name!r}?" in said


def test_a_component_has_versions_of_its_users(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "prepare.yml"
    file.write_text(COMPONENT.format(version="1795753181"))
    made = command("component", "create", "--file", file)
    assert (made["version"], made["code"]) == ("1795753181", str(tmp_path / "src"))
    assert (
        command("component", "create", "--file", file, "--version", "spring")["version"] == "spring"
    )
    assert (
        command("component", "show", "--name", "prepare", "--label", "latest")["version"]
        == "spring"
    )
    assert [c["version"] for c in command("component", "list", "-n", "prepare")] == [
        "spring",
        "1795753181",
    ]
    said = command("component", "create", "--file", file, code=2)
    assert "component 'prepare' has a version '1795753181'" in said
    file.write_text(COMPONENT.format(version="2") + "comand: x\n")
    assert "Did you mean 'command'?" in command("component", "create", "--file", file, code=2)
    command("component", "archive", "-n", "prepare", "-v", "spring")
    assert command("component", "list")[0]["version"] == "1795753181"


def test_an_environment_is_kept_and_shown(command: Command, tmp_path: Path) -> None:
    (tmp_path / "conda.yml").write_text("name: ours\ndependencies: [python=3.11]\n")
    file = tmp_path / "environment.yml"
    file.write_text("name: ours\nimage: mcr.microsoft.com/x:1\nconda_file: conda.yml\n")
    made = command("environment", "create", "--file", file)
    assert (made["version"], made["conda_file"]["dependencies"]) == ("1", ["python=3.11"])
    assert command("environment", "show", "-n", "ours", "-v", "1") == made
    typed = command("environment", "create", "-n", "ours", "--image", "y:2", "-v", "b")
    assert command("environment", "list") == [typed]
    assert "image" in command("environment", "create", "-n", "empty", code=2)
    file.write_text("name: ours\nconda_file: missing.yml\n")
    assert "missing.yml: no such file" in command("environment", "create", "-f", file, code=2)


def test_the_workspace_is_this_machines(command: Command) -> None:
    shown = command("workspace", "show", "--name", "mine", "-g", "group")
    assert (shown["name"], shown["home"]) == ("mine", str(get_settings().home))
    assert shown["mlflow_tracking_uri"].startswith("sqlite:")
    assert len(command("workspace", "list")) == 1
