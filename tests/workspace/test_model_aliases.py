"""Aliases of registered models: a name for one version, which can be moved."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Command

import tintype
from tintype.errors import UsageError
from tintype.workspace.model_aliases import delete_alias, set_alias
from tintype.workspace.registry import get_model, list_models, register_model, resolve_model


@pytest.fixture(autouse=True)
def registered(model_folder: Path) -> None:
    for version in ("spring", None):
        register_model("photos", model_folder, version=version)


def test_an_alias_means_its_version_wherever_a_model_is_named() -> None:
    set_alias("photos", "champion", version="spring")
    set_alias("photos", "challenger")
    for reference in (
        "photos@champion",
        "azureml:photos@champion",
        "models:/photos@champion",
        "azureml:photos:spring",
    ):
        assert resolve_model(reference) == resolve_model("models:/photos/spring")
    assert resolve_model("photos@challenger") == resolve_model("photos@latest")
    assert resolve_model("photos@challenger") != resolve_model("photos@champion")
    assert tintype.Scorer.load(resolve_model("photos@champion")).classes


def test_an_alias_moves_and_is_shown() -> None:
    set_alias("photos", "champion", version="spring")
    newest = get_model("photos")
    assert set_alias("photos", "champion").version == newest.version
    set_alias("photos", "best-yet")
    assert [model.aliases for model in list_models("photos")] == [("best-yet", "champion"), ()]
    assert list_models()[0].shown()["aliases"] == ("best-yet", "champion")
    assert delete_alias("photos", "champion").aliases == ("best-yet",)
    with pytest.raises(UsageError, match="no alias 'champion'; it has best-yet, latest"):
        resolve_model("photos@champion")


@pytest.mark.parametrize("alias", ["latest", "Latest", "v2", "", "a b", "1", "x" * 65, "a/b"])
def test_names_that_no_alias_may_have(alias: str) -> None:
    with pytest.raises(UsageError, match="letters, digits"):
        set_alias("photos", alias)


def test_what_is_not_there() -> None:
    with pytest.raises(UsageError, match="no version '9'"):
        set_alias("photos", "champion", version="9")
    with pytest.raises(UsageError, match=r"no registered model named 'photo'.*photos"):
        set_alias("photo", "champion")
    with pytest.raises(UsageError, match="always means the newest"):
        delete_alias("photos", "latest")


def test_commands(command: Command, tmp_path: Path) -> None:
    command("model", "set-alias", "-n", "photos", "-a", "champion", "--version", "spring")
    shown = command("model", "show", "photos@champion")
    assert (shown["version"], shown["aliases"]) == ("spring", ["champion"])
    command("model", "download", "-n", "photos", "-l", "champion", "-p", tmp_path)
    assert (tmp_path / "photos" / "MLmodel").is_file()
    command("model", "delete-alias", "-n", "photos", "-a", "champion")
    assert "no alias 'champion'" in command("model", "show", "photos@champion", code=2)
