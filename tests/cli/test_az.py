"""`tintype az`: command lines of Azure's program, as scripts write them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from commands import TINTYPE

from tintype.cli.main import _run


def lines(printed: str) -> list[str]:
    return printed.splitlines()


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ("account set -s 0000", ""),
        ("account show --query state -o tsv", "Enabled\n"),
        ("login --use-device-code --query [0].name --output tsv", "This machine\n"),
        ("configure --defaults group=mine workspace=ours", ""),
        ("extension add -n ml -y", ""),
        ("extension show --name ml --query=name -o=tsv", "ml\n"),
        ("group exists -n mine", "true\n"),
    ],
)
def test_what_has_nothing_to_do_answers_in_azs_shape_and_says_so(
    typed: str, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["az", *typed.split()]) == 0
    found = capsys.readouterr()
    assert found.out == printed
    assert found.err.startswith("notice: az ")
    assert "nothing to do" in found.err
    assert len(lines(found.err)) == 1


def test_az_ml_is_tintype(capsys: pytest.CaptureFixture[str]) -> None:
    asked = "model show --name microsoft-beit-base-patch16-224-pt22k-ft22k --label latest".split()
    asked += "--registry-name azureml --query version --output tsv".split()
    assert _run(asked) == 0
    ours = capsys.readouterr().out
    assert _run(["az", "ml", *asked, "--subscription", "s", "--only-show-errors"]) == 0
    assert capsys.readouterr().out == ours == "20\n"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("ml job creat --file x", "Did you mean 'create'?"),
        ("ml job create --fil x", "--file"),
        ("ml jobb list", "Did you mean 'job'?"),
        ("ml model share -n x", "tintype model download"),
        ("ml datastore list", "TINTYPE_DATASTORES"),
        ("acount show", "Did you mean 'account'?"),
        ("account sho", "Did you mean 'show'?"),
        ("vm create -n x", "only az ml runs here"),
    ],
)
def test_what_is_not_here_ends_with_2_and_names_what_is_near(
    typed: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["az", *typed.split()]) == 2
    found = capsys.readouterr()
    assert said in found.err
    assert found.out == ""


def test_a_shell_and_its_children_call_it_az(tmp_path: Path, workspace_home: Path) -> None:
    script = tmp_path / "azures.sh"
    script.write_text(
        "set -e\n"
        'workspace_info="--resource-group mine --workspace-name ours"\n'
        'if [ -z "$(az ml compute show --name gpu $workspace_info 2> /dev/null)" ]; then\n'
        "    az ml compute create --name gpu --type amlcompute --min-instances 0"
        " --max-instances 2 --size STANDARD_NC6 $workspace_info || { echo failed; exit 1; }\n"
        "fi\n"
        "az ml compute list --query '[].name' -o tsv\n"
    )
    # A child in plain sh, which knows none of its parent's functions.
    whole = f'eval "$({TINTYPE} az env)" && sh {script}'
    found = subprocess.run(
        ["bash", "-c", whole], capture_output=True, text=True, timeout=120, check=False
    )
    assert found.returncode == 0, found.stderr
    made, name = found.stdout.rsplit("}", 1)
    assert json.loads(made + "}")["max_instances"] == 2
    assert name.split() == ["gpu"]
    assert os.access(workspace_home / "bin" / "az", os.X_OK)


def test_values_behind_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    made = "compute create --name gpu --tags a=1 b=2 --set size=S min_instances=1".split()
    assert _run(made) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["tags"], shown["size"], shown["min_instances"]) == ({"a": "1", "b": "2"}, "S", 1)


@pytest.mark.parametrize("form", ["json", "jsonc", "yaml", "yamlc", "tsv", "table", "none"])
def test_every_form_of_output_that_az_has(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["az", "ml", "workspace", "show", "-n", "ours", "-o", form]) == 0
    assert ("ours" in capsys.readouterr().out) == (form != "none")


def test_h_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["az", "ml", "job", "show", "-h"]) == 0
    assert "Show a job." in capsys.readouterr().out
