from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tintype.cli.main import _run
from tintype.client import Client
from tintype.errors import OutputError, UsageError
from tintype.schemas.data_asset import DataAssetDocument
from tintype.workspace.data_assets import DataAssetStore, resolve_data

URL = "https://example.com/{}.jpg"


def keep(name: str, version: str | None = None, path: str = URL.format("a")) -> str:
    """Create a version; which one it became."""
    document = DataAssetDocument(name=name, version=version, path=path)
    return DataAssetStore().create(document).version


Command = Callable[..., Any]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command line in this process and reads what it printed."""

    def run(*arguments: object, code: int = 0) -> Any:
        capsys.readouterr()
        assert _run(["data", *map(str, arguments)]) == code
        printed = capsys.readouterr()
        if code:
            return printed.err
        return json.loads(printed.out) if printed.out else None

    return run


def test_versions_are_made_up_and_never_change(workspace_home: Path) -> None:
    assert [keep("july"), keep("july"), keep("july", "b"), keep("july", "7"), keep("july")] == [
        "1",
        "2",
        "b",
        "7",
        "8",
    ]
    file = workspace_home / "data-assets" / "july" / "1.json"
    before = file.read_bytes()
    with pytest.raises(UsageError, match=r"has a version '1'.*leave the version out to make '9'"):
        keep("july", "1", URL.format("b"))
    assert file.read_bytes() == before
    assert json.loads(before)["path"] == URL.format("a")


def test_two_that_create_in_the_same_moment_get_two_versions() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: keep("july"), range(16)))
    assert sorted(made, key=int) == [str(number) for number in range(1, 17)]


def test_references_become_paths() -> None:
    keep("july", path=URL.format("a"))
    keep("july", "v1.0", URL.format("b"))
    assert resolve_data("azureml:july:1") == URL.format("a")
    assert resolve_data("azureml:july:v1.0") == URL.format("b")
    assert resolve_data("azureml:july@latest") == URL.format("b")
    for other in (
        "july",
        "july:1",
        "/data/july",
        "C:\\data",
        "azureml://datastores/store/paths/july",
        "https://example.com/azureml:july:1",
        "",
    ):
        assert resolve_data(other) == other


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("azureml:jully:1", "there is no data asset 'jully'. Did you mean 'july'?"),
        ("azureml:july:2", "data asset 'july' has no version '2'; it has 1"),
        ("azureml:july@newest", "label 'newest': expected latest"),
        ("azureml:july", "expected a data asset, azureml:july:1 or azureml:july@latest"),
        ("azureml:july:", "azureml:july:1 or azureml:july@latest"),
        ("azureml:", "azureml:name:1 or azureml:name@latest"),
        ("azureml:../july:1", "expected a data asset"),
        ("azureml:..:1", "there is no data asset '..'"),
        ("azureml:*:1", "there is no data asset '*'"),
    ],
)
def test_references_to_nothing(reference: str, message: str) -> None:
    keep("july")
    with pytest.raises(UsageError) as error:
        resolve_data(reference)
    assert message in str(error.value)


def test_archived_versions_are_hidden_but_can_be_named() -> None:
    for _ in range(3):
        keep("july")
    keep("august")
    store = DataAssetStore()
    store.archive("july", "3")
    assert [asset.version for asset in store.list("july")] == ["2", "1"]
    assert [(asset.name, asset.version) for asset in store.list()] == [
        ("august", "1"),
        ("july", "2"),
    ]
    assert store.list(include_archived=True)[1].version == "3"
    assert store.get("july").version == "2"
    assert resolve_data("azureml:july:3") == URL.format("a")
    # An archived version is still taken.
    assert keep("july") == "4"
    store.archive("july")
    assert store.list("july") == []
    assert [asset.name for asset in store.list()] == ["august"]
    with pytest.raises(UsageError, match="archived; name one of 4, 3, 2, 1, or restore one"):
        store.get("july")
    store.archive("july", "2", archived=False)
    assert store.get("july", label="latest").version == "2"
    with pytest.raises(UsageError, match="no version '9'"):
        store.archive("july", "9")


def test_long_lists_of_versions_are_cut() -> None:
    for _ in range(12):
        keep("july")
    with pytest.raises(UsageError, match=r"it has 12, 11, .*, 3, \.\.\.$"):
        DataAssetStore().get("july", "x")


def test_a_broken_record_is_named(workspace_home: Path) -> None:
    keep("july")
    file = workspace_home / "data-assets" / "july" / "1.json"
    file.write_text("{")
    with pytest.raises(OutputError, match=f"cannot read {file}"):
        DataAssetStore().get("july")


def test_the_command_line(command: Command, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    file = tmp_path / "data.yml"
    file.write_text("name: july\npath: pictures\n", "utf-8")
    made = command("create", "-f", file, "--set", "tags.year=2026", "-g", "group", "-w", "space")
    assert made["id"] == "azureml:july:1"
    # As Azure writes a folder: scripts append "class/image.jpg" to it.
    assert made["path"] == f"{tmp_path / 'pictures'}/"
    assert made["tags"] == {"year": "2026"}
    arguments = ("-p", file, "-t", "uri_file", "--description", "words", "-z", "store")
    made = command("create", "-n", "july", "-v", "b", *arguments)
    assert (made["version"], made["type"], made["description"]) == ("b", "uri_file", "words")
    assert [asset["version"] for asset in command("list", "-n", "july")] == ["b", "1"]
    assert [asset["version"] for asset in command("list")] == ["b"]
    assert command("show", "-n", "july", "--label", "latest") == made
    assert command("show", "-n", "july", "-v", 1)["version"] == "1"
    command("archive", "-n", "july", "-v", "b")
    assert command("show", "-n", "july", "--query", "version") == "1"
    assert len(command("list", "-n", "july", "--include-archived")) == 2
    command("restore", "-n", "july", "-v", "b")
    assert command("show", "-n", "july")["archived"] is False
    # What is printed is a document too.
    again = tmp_path / "shown.json"
    again.write_text(json.dumps(made))
    assert "versions never change" in command("create", "-f", again, code=2)
    assert command("create", "-f", again, "-v", "c")["path"] == made["path"]
    assert "data.yml:2: path: there is no" in command(
        "create", "-f", file, "--set", "path=none", code=2
    )
    assert "both version 'b' and label" in command(
        "show", "-n", "july", "-v", "b", "-l", "latest", code=2
    )


def test_the_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pictures").mkdir()
    file = tmp_path / "data.yml"
    file.write_text("name: july\npath: pictures\n", "utf-8")
    data = Client().data
    first = data.create_or_update(file, ["description=words"])
    assert (first.version, first.description) == ("1", "words")
    monkeypatch.chdir(tmp_path)
    second = data.create_or_update(DataAssetDocument(name="july", path="pictures"))
    assert (second.version, second.path) == ("2", first.path)
    assert data.get("july", label="latest") == data.get("july") == second
    assert data.get("july", "1") == first
    assert data.list() == [second]
    assert data.list("july") == [second, first]
    data.archive("july", "2")
    assert data.get("july") == first
    assert len(data.list("july", include_archived=True)) == 2
    data.restore("july")
    assert data.get("july") == second
