from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tintype.errors import DocumentError, UsageError
from tintype.schemas.data_asset import DataAssetDocument, load_data_asset, read_data_asset
from tintype.schemas.document import Document

ASSET = """
$schema: https://azuremlschemas.azureedge.net/latest/data.schema.json
name: july
version: 3
description: the shop's
tags: {year: 2026}
properties: {a: true}
type: uri_folder
path: ./pictures
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with documents' data in it, which is not the current folder."""
    (tmp_path / "documents" / "pictures").mkdir(parents=True)
    (tmp_path / "documents" / "rows.csv").write_text("image\n")
    (tmp_path / "documents" / "table").mkdir()
    (tmp_path / "documents" / "table" / "MLTable").write_text("paths: []\n")
    (tmp_path / "here" / "pictures").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "documents"


def written(place: Path, text: str = ASSET) -> Path:
    path = place / "data.yml"
    path.write_text(text, "utf-8")
    return path


def test_every_key(place: Path) -> None:
    asset = load_data_asset(written(place))
    assert asset.model_dump(exclude={"schema_"}) == {
        "name": "july",
        "version": "3",
        "description": "the shop's",
        "tags": {"year": "2026"},
        "properties": {"a": "true"},
        "type": "uri_folder",
        "path": str(place / "pictures"),
    }


def test_options_win_and_their_path_is_from_here(place: Path, tmp_path: Path) -> None:
    file = written(place)
    asset = load_data_asset(file, ["tags.month=7", "version=4"], {"name": "august"})
    assert (asset.name, asset.version) == ("august", "4")
    assert asset.tags == {"year": "2026", "month": "7"}
    assert load_data_asset(file, ["path=table"]).path == str(place / "table")
    assert load_data_asset(file, [], {"path": "pictures"}).path == str(tmp_path / "here/pictures")
    with pytest.raises(DocumentError, match=rf"^path: there is no .* {tmp_path}/here/table$"):
        load_data_asset(file, [], {"path": "table"})
    asset = load_data_asset(None, [], {"name": "a", "path": "pictures"})
    assert (asset.type, asset.version) == ("uri_folder", None)


@pytest.mark.parametrize(
    ("kind", "path", "found"),
    [
        ("uri_file", "rows.csv", "rows.csv"),
        ("mltable", "table/", "table"),
        ("uri_folder", "table", "table"),
        ("uri_folder", "file:pictures", "pictures"),
    ],
)
def test_kinds_of_data_that_lie_here(place: Path, kind: str, path: str, found: str) -> None:
    asset = load_data_asset(written(place, f"name: a\ntype: {kind}\npath: {path}\n"))
    assert (asset.type, asset.path) == (kind, str(place / found))


def test_file_urls_and_home(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "a b").mkdir()
    monkeypatch.setenv("HOME", str(place))
    for path in (f"file://{place}/a%20b", f"file://localhost{place}/a%20b", "~/a b"):
        document = Document({"name": "a", "path": path})
        assert read_data_asset(document).path == str(place / "a b")


@pytest.mark.parametrize(
    "path", ["https://example.com/a.jpg", "azureml://datastores/store/paths/july/"]
)
def test_data_elsewhere_is_not_looked_for(path: str) -> None:
    assert read_data_asset(DataAssetDocument(name="a", path=path)).path == path


def test_a_document_made_in_python_is_located_from_here(place: Path, tmp_path: Path) -> None:
    asset = read_data_asset(DataAssetDocument(name="a", path="pictures"))
    assert asset.path == str(tmp_path / "here" / "pictures")


def test_what_is_shown_can_be_given_back(place: Path) -> None:
    shown = {"id": "azureml:a:1", "archived": False, "created_at": "now", "description": None}
    document = Document({"name": "a", "path": "pictures", "creation_context": {}, **shown})
    assert read_data_asset(document).description is None


@pytest.mark.parametrize(
    ("kind", "path", "message"),
    [
        ("uri_folder", "picture", "there is no file or folder {}/picture"),
        ("uri_folder", "rows.csv", "{}/rows.csv is a file; write type: uri_file"),
        ("uri_file", "pictures", "{}/pictures is a folder; write type: uri_folder"),
        ("mltable", "pictures", "{}/pictures holds no file named MLTable"),
        ("mltable", "table/MLTable", "{}/table/MLTable is a file; name the folder it lies in"),
        ("uri_folder", "azureml:july:1", "there is no file or folder {}/azureml:july:1"),
        ("uri_folder", "~nobody-like-that/a", "there is no file or folder"),
        ("uri_folder", "a" * 5000, "there is no file or folder"),
        ("uri_folder", "s3://bucket/a", "cannot be read; use a path"),
        ("uri_folder", "file://server/a", "of another host"),
        ("uri_folder", '"a\\0b"', "cannot be read; use a path"),
        ("uri_folder", '" "', "is empty"),
    ],
)
def test_wrong_paths_name_file_line_and_key(
    place: Path, kind: str, path: str, message: str
) -> None:
    file = written(place, f"name: a\ntype: {kind}\npath: {path}\n")
    with pytest.raises(DocumentError) as error:
        load_data_asset(file)
    assert str(error.value).startswith(f"{file}:3: path: ")
    assert message.format(place) in str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("name", "../july", "expected up to 255 letters"),
        ("name", "a" * 256, "expected up to 255 letters"),
        ("name", ".hidden", "a letter or digit first"),
        ("name", 7, "expected a valid string"),
        ("version", "1/2", "expected up to 30 letters"),
        ("version", "latest@", "expected up to 30 letters"),
        ("version", 1.1, 'put it in quotes: "1.1"'),
        ("version", True, "expected a valid string"),
        ("type", "uri_foldr", "Did you mean 'uri_folder'?"),
        ("paht", "x", "unknown key. Did you mean 'path'?"),
    ],
)
def test_wrong_values(place: Path, key: str, value: Any, message: str) -> None:
    with pytest.raises(DocumentError) as error:
        read_data_asset(Document({"name": "a", "path": "pictures", key: value}))
    assert str(error.value).startswith(f"{key}: ")
    assert message in str(error.value)


def test_versions_that_are_days(place: Path) -> None:
    text = "name: a\npath: pictures\nversion: 2026-07-01\n"
    assert load_data_asset(written(place, text)).version == "2026-07-01"


def test_required_keys() -> None:
    with pytest.raises(UsageError, match=r"^name: is required and missing\npath: is required"):
        load_data_asset(None)
