"""The studio's routes of tables, without a browser: what they answer, and what they refuse."""

from __future__ import annotations

import ast
import csv
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from checkpoints import write_checkpoint
from pictures import encoded, noise, write_class_folders, write_jsonl_rows
from studio_models import make_model_run
from studio_runs import make_run
from studio_visitors import Visitor

from tintype.batch.options import BatchOptions
from tintype.batch.runner import run_batch
from tintype.client import Client
from tintype.labelling.allowed_folders import AllowedFolders
from tintype.studio.app import create_studio_app, studio_behind
from tintype.studio.tables.embedding_map import map_table
from tintype.studio.tables.inspection import inspect_table
from tintype.studio.tables.kept import Progress, read_progress, tell
from tintype.studio.tables.opened import Tables
from tintype.studio.tables.reading import read_table
from tintype.studio.tables.work import TableWork

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work on tables is done at once: a process each would take most of the tests' time."""

    def begin(self: TableWork, stage: str, source: Any, folder: Path, model: str = "") -> None:
        from tintype.errors import TintypeError
        from tintype.studio.tables.picture_table import PictureTable

        try:
            if stage == "reading":
                read_table(source, folder, lambda done, total: None)
            elif stage == "inspection":
                inspect_table(PictureTable(folder), lambda done, total: None)
            else:
                map_table(PictureTable(folder), model, lambda what, done, total: None)
        except TintypeError as error:
            tell(folder, stage, Progress("failed", error=str(error)))  # type: ignore[arg-type]
        else:
            tell(folder, stage, Progress("done"))  # type: ignore[arg-type]

    monkeypatch.setattr(TableWork, "begin", begin)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes of twelve pictures; one of them damaged, one there twice in another size."""
    from PIL import Image

    folder = write_class_folders(tmp_path / "photos")
    (folder / "level" / "11.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    picture = Image.fromarray(noise(64, 64, seed=5))
    (folder / "upright" / "twin.png").write_bytes(encoded(picture))
    (folder / "level" / "twin.jpg").write_bytes(encoded(picture.resize((48, 48)), "JPEG"))
    return folder


@pytest.fixture
def visitor(workspace_home: Path, photos: Path) -> Iterator[Visitor]:
    guard = create_studio_app(folders=AllowedFolders([photos]))
    yield Visitor(guard)
    studio_behind(guard).end_streams()
    studio_behind(guard).labelling.close()


def opened(visitor: Visitor, of: str) -> Any:
    """A table, once it was read."""
    visitor.ask("GET", f"/table?of={quote(of)}")
    return visitor.ask("GET", f"/table?of={quote(of)}")


def rows(visitor: Visitor, query: str) -> list[str]:
    return [row["name"] for row in visitor.ask("GET", f"/table/rows?{query}&limit=500")["rows"]]


def test_a_folder_is_read_in_a_process_of_its_own(visitor: Visitor) -> None:
    until = time.monotonic() + 240
    while (table := visitor.ask("GET", "/table?of=folder:photos"))["summary"] is None:
        assert table["work"]["reading"]["state"] in ("waiting", "working", "done"), table
        assert time.monotonic() < until
        time.sleep(0.1)
    assert table["summary"]["rows"] == 26 and table["summary"]["labels"] == 2
    assert visitor.ask("GET", "/data/folders")["tables"] == [
        "folder:photos",
        "folder:photos/level",
        "folder:photos/upright",
    ]


@pytest.mark.usefixtures("in_this_process")
def test_rows_are_filtered_and_counted(visitor: Visitor) -> None:
    table = opened(visitor, "folder:photos")
    of = f"of=folder:photos&key={table['key']}"
    assert table["title"] == "photos" and "data check" in table["command"]
    page = visitor.ask("GET", f"/table/rows?{of}&label=level&limit=3&offset=1")
    assert page["total"] == 13 and [row["row"] for row in page["rows"]] == [1, 2, 3]
    assert page["rows"][0]["labels"] == ["level"] and page["rows"][0]["tiny"] is None
    assert rows(visitor, f"{of}&text=TWIN") == ["level/twin.jpg", "upright/twin.png"]
    assert rows(visitor, f"{of}&text=TWIN&label=level") == ["level/twin.jpg"]
    balance = visitor.ask("GET", f"/table/balance?{of}&text=twin")
    assert balance["labels"] == [{"label": "level", "count": 1}, {"label": "upright", "count": 1}]
    assert balance["rows"] == 2 and balance["unlabelled"] == 0
    chosen = visitor.ask("POST", f"/table/selections?{of}", {"rows": [3, 1, 3]})
    assert chosen["rows"] == 2
    page = visitor.ask("GET", f"/table/rows?{of}&selection={chosen['selection']}")
    assert [row["row"] for row in page["rows"]] == [1, 3]
    assert "no label 'cat'" in visitor.refusal("GET", f"/table/rows?{of}&label=cat", 400)
    assert "select anew" in visitor.refusal("GET", f"/table/rows?{of}&selection=../rows", 404)
    assert "rows are 0 to 25" in visitor.refusal(
        "POST", f"/table/selections?{of}", 400, {"rows": [26]}
    )


@pytest.mark.usefixtures("in_this_process")
def test_damaged_pictures_and_near_duplicates_are_found(visitor: Visitor) -> None:
    table = opened(visitor, "folder:photos")
    of = f"of=folder:photos&key={table['key']}"
    assert table["summary"]["near_duplicates"] is None
    assert "inspection" in visitor.refusal("GET", f"/table/near-duplicates?{of}", 409)
    assert visitor.ask("POST", f"/table/inspection?{of}")["state"] == "done"
    summary = visitor.ask("GET", "/table?of=folder:photos")["summary"]
    assert summary["faults"] == 1 and summary["near_duplicates"] == 1
    (damaged,) = visitor.ask("GET", f"/table/rows?{of}&fault=true")["rows"]
    assert damaged["name"] == "level/11.png" and damaged["fault"]
    found = visitor.ask("GET", f"/table/near-duplicates?{of}")
    (group,) = found["groups"]
    assert [each["name"] for each in group["pictures"]] == ["level/twin.jpg", "upright/twin.png"]
    assert group["labels"] == 2 and found["pictures"] == 2
    # The copy is of the picture: its pixels are what a smaller picture has.
    import base64

    tiny = np.frombuffer(base64.b64decode(group["pictures"][0]["tiny"]), np.uint8)
    wanted = noise(64, 64, seed=5).reshape(8, 8, 8, 8, 3).mean((1, 3))
    got = tiny.reshape(8, 8, 3)[::-1, :, ::-1]
    assert np.abs(got - wanted).mean() < 6
    one = visitor.ask("GET", f"/table/pictures/{group['pictures'][0]['row']}?{of}")
    assert [each["name"] for each in one["near_duplicates"]] == ["upright/twin.png"]


@pytest.mark.usefixtures("in_this_process")
def test_pictures_are_shown_as_such_and_nothing_else_is(
    visitor: Visitor, photos: Path, tmp_path: Path
) -> None:
    table = opened(visitor, "folder:photos")
    of = f"of=folder:photos&key={table['key']}"
    answer = visitor.http.get(f"/api/table/pictures/0/thumbnail?{of}&side=128")
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg"
    answer = visitor.http.get(f"/api/table/pictures/0/image?{of}")
    assert answer.content == (photos / "level" / "0.png").read_bytes()
    assert "there is no row 26" in visitor.refusal("GET", f"/table/pictures/26?{of}", 404)
    assert "side=99" in visitor.refusal("GET", f"/table/pictures/0/thumbnail?{of}&side=99", 400)
    # Deleted, damaged, and replaced by a link that leads out.
    assert "cannot be read" in visitor.refusal("GET", f"/table/pictures/3/thumbnail?{of}", 404)
    secret = tmp_path / "secret.png"
    secret.write_bytes(encoded(noise(9, 9)))
    (photos / "level" / "0.png").unlink()
    (photos / "level" / "0.png").symlink_to(secret)
    assert "cannot be read" in visitor.refusal("GET", f"/table/pictures/0/image?{of}", 404)


@pytest.mark.usefixtures("in_this_process")
def test_no_reference_leads_out(visitor: Visitor, workspace_home: Path, photos: Path) -> None:
    for of in (
        "folder:photos/../..",
        "folder:/etc",
        "folder:workspace/../..",
        "folder:workspace/.hidden",
        "folder:workspace/",
        "folder:workspace",
        "folder:other",
        "asset:../x:1",
        "run:../x:test_data",
        "nothing",
        "",
        "folder:photos/\0",
    ):
        visitor.refusal("GET", f"/table?of={quote(of)}", 404)
    # A label file that names a picture elsewhere.
    write_jsonl_rows(photos / "rows.jsonl", [{"image_url": "/etc/passwd", "label": "x"}])
    table = opened(visitor, "folder:photos/rows.jsonl")
    assert table["summary"] is None
    assert "outside of the folder" in table["work"]["reading"]["error"]
    made = write_class_folders(workspace_home / "made", per_class=2)
    assert opened(visitor, f"folder:workspace/{made.name}")["summary"]["rows"] == 4


@pytest.mark.usefixtures("in_this_process")
def test_a_table_that_changes_or_goes(visitor: Visitor, photos: Path) -> None:
    Client().data.create_or_update({"name": "photos", "path": str(photos)})
    table = opened(visitor, "asset:photos:1")
    assert table["summary"]["rows"] == 26
    of = f"of=asset:photos:1&key={table['key']}"
    (photos / "level" / "0.png").unlink()
    fresh = opened(visitor, "asset:photos:1")
    assert fresh["summary"]["rows"] == 25 and fresh["key"] != table["key"]
    assert "has changed" in visitor.refusal("GET", f"/table/rows?{of}", 409)
    shutil.rmtree(photos)
    assert "no such file or folder" in visitor.refusal("GET", "/table?of=asset:photos:1", 404)
    # What was read is still told; its pictures are not there.
    page = visitor.ask("GET", f"/table/rows?of=asset:photos:1&key={fresh['key']}")
    assert page["total"] == 25
    answer = f"/table/pictures/0/thumbnail?of=asset:photos:1&key={fresh['key']}"
    assert "cannot be read" in visitor.refusal("GET", answer, 404)


@pytest.mark.usefixtures("in_this_process")
def test_missing_pictures_and_wrong_rows_are_said(visitor: Visitor, photos: Path) -> None:
    lines: list[dict[str, object]] = [
        {"image_url": "level/0.png", "label": HOSTILE},
        {"image_url": "level/gone.png", "label": "b"},
    ]
    write_jsonl_rows(photos / "rows.jsonl", lines)
    summary = opened(visitor, "folder:photos/rows.jsonl")["summary"]
    assert summary["rows"] == 2 and summary["faults"] == 1
    of = "of=folder:photos/rows.jsonl"
    (gone,) = visitor.ask("GET", f"/table/rows?{of}&fault=true")["rows"]
    assert gone["fault"] == "there is no such file"
    assert rows(visitor, f"{of}&label={quote(HOSTILE)}") == ["level/0.png"]
    one = visitor.ask("GET", f"/table/pictures/1?{of}")
    assert one["line"] == 2 and one["file"].endswith("rows.jsonl")
    (photos / "bad.jsonl").write_text('{"image_url": "a.png", "label": "x"}\n{\n')
    table = opened(visitor, "folder:photos/bad.jsonl")
    assert "bad.jsonl:2" in table["work"]["reading"]["error"]
    (photos / "bad.jsonl").write_text('{"image_url": "a.png", "label": "x"}\n')
    assert opened(visitor, "folder:photos/bad.jsonl")["summary"]["rows"] == 1


@pytest.mark.usefixtures("in_this_process")
def test_predictions_of_runs_stand_beside_labels(
    visitor: Visitor, workspace_home: Path, photos: Path
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    document = {"test_data": {"path": str(photos)}}
    run = make_run(workspace_home, "judged", type="evaluation", document=document)
    folder = run.outputs / "evaluation" / "predictions" / "predictions"
    folder.mkdir(parents=True)
    images = [str(photos / "level" / f"{number}.png") for number in range(4)]
    columns = {
        "file_name": images,
        "row": [0, 1, 2, 3],
        "image": images,
        "label": ["level", "upright", None, "level"],
        "score": pa.array([0.9, 0.8, None, 0.55], pa.float32()),
        "error": [None, None, "cannot identify it", None],
    }
    pq.write_table(pa.table(columns), folder / "part-00000.parquet")
    told = visitor.ask("GET", "/data/runs/judged")["tables"]
    assert told == ["run:judged:test_data", "run:judged:predictions"]
    table = opened(visitor, "run:judged:predictions")
    assert table["summary"]["predictions"] and table["summary"]["rows"] == 26
    of = "of=run:judged:predictions"
    assert rows(visitor, f"{of}&wrong=true") == ["level/1.png"]
    assert rows(visitor, f"{of}&prediction=level&least=0.6") == ["level/0.png"]
    assert rows(visitor, f"{of}&most=0.9&least=0.9") == ["level/0.png"]
    (failed,) = visitor.ask("GET", f"/table/rows?{of}&fault=true")["rows"]
    assert failed["fault"] == "cannot identify it"
    assert "no job named 'other'" in visitor.refusal("GET", "/data/runs/other", 404)
    assert "has no 'validation_data'" in visitor.refusal(
        "GET", "/table?of=run:judged:validation_data", 404
    )


@pytest.mark.usefixtures("in_this_process")
def test_a_batch_whose_output_is_csv(
    visitor: Visitor, workspace_home: Path, photos: Path, tmp_path: Path
) -> None:
    output = tmp_path / "scored"
    model = str(make_model_run(workspace_home, "teach", tmp_path))
    run_batch(model, {"input": str(photos / "level")}, output, options=BatchOptions(header=True))
    document = {"output_path": str(output)}
    make_run(workspace_home, "scored", type="batch", document=document)
    assert visitor.ask("GET", "/data/runs/scored")["tables"] == ["run:scored:predictions"]
    table = opened(visitor, "run:scored:predictions")
    # A CSV holds no row of what could not be scored.
    scored = len(list((photos / "level").iterdir())) - 1
    assert table["summary"]["rows"] == scored and table["summary"]["faults"] == 0
    (row,) = visitor.ask("GET", "/table/rows?of=run:scored:predictions&text=twin.jpg")["rows"]
    with (output / "predictions.csv").open(newline="") as stream:
        (told,) = (each for each in csv.DictReader(stream) if each["file_name"] == "twin.jpg")
    probs = json.loads(told["preds"])
    assert row["confidence"] == pytest.approx(max(probs), abs=5e-5)
    assert row["prediction"] == ast.literal_eval(told["labels"])[probs.index(max(probs))]

    # Of pictures that were moved away, what was predicted stays.
    photos.rename(photos.with_name("elsewhere"))
    assert opened(visitor, "run:scored:predictions")["summary"]["predictions"]
    broken = output / "predictions.csv"
    broken.write_text('row_number_per_file,preds,labels,file_name\n0,[0.5,"[1]",x.png\n')
    reading = opened(visitor, "run:scored:predictions")["work"]["reading"]
    assert "predictions.csv:2" in reading["error"]


@pytest.mark.usefixtures("in_this_process")
def test_a_map_of_embeddings_and_what_is_like_a_picture(
    visitor: Visitor, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = str(write_checkpoint(tmp_path / "vit"))
    table = opened(visitor, "folder:photos")
    of = f"of=folder:photos&key={table['key']}"
    assert "no map yet" in visitor.refusal("GET", f"/table/map?{of}", 404)
    assert "not in the catalog" in visitor.refusal(
        "POST", f"/table/map?{of}", 400, {"model": checkpoint}
    )
    monkeypatch.setattr("tintype.studio.routes.table_findings.find_card", lambda name: name)
    told = visitor.ask("POST", f"/table/map?{of}", {"model": checkpoint})
    assert told["state"] == "done", told
    found = visitor.ask("GET", f"/table/map?{of}")
    # The damaged one has no place.
    assert found["method"] == "t-sne" and len(found["rows"]) == 25 and found["of"] == 26
    assert min(found["x"]) == 0 and max(found["x"] + found["y"]) == 1
    twin = next(row["row"] for row in visitor.ask("GET", f"/table/rows?{of}&text=twin.jpg")["rows"])
    one = visitor.ask("GET", f"/table/pictures/{twin}?{of}")
    assert one["neighbours"][0]["name"] == "upright/twin.png" and one["mapped"]
    cosines = [each["cosine"] for each in one["neighbours"]]
    assert cosines == sorted(cosines, reverse=True)


@pytest.mark.usefixtures("in_this_process")
def test_a_selection_becomes_a_data_asset_or_a_project(visitor: Visitor) -> None:
    opened(visitor, "folder:photos")
    of = "of=folder:photos"
    made = visitor.ask("POST", f"/table/data-assets?{of}&text=twin", {"name": "twins"})
    assert made["reference"] == "twins:1" and made["pictures"] == 2
    summary = opened(visitor, "asset:twins:1")["summary"]
    assert summary["rows"] == 2 and summary["faults"] == 0
    again = visitor.ask("POST", f"/table/data-assets?{of}&label=level", {"name": "twins"})
    assert again["reference"] == "twins:2"
    body = {"name": "look-again"}
    project = visitor.ask("POST", f"/table/labelling-projects?{of}&text=twin", body)
    assert project["pictures"] == 2
    kept = Client().labels.get("look-again")
    assert kept["pictures"]["total"] == 2
    refused = visitor.refusal("POST", f"/table/labelling-projects?{of}&text=twin", 400, body)
    assert "look-again" in refused
    nothing = visitor.refusal("POST", f"/table/data-assets?{of}&text=zzz", 400, {"name": "x"})
    assert "no picture" in nothing
    hostile = visitor.refusal("POST", f"/table/data-assets?{of}", 400, {"name": "../x"})
    assert "letters" in hostile
    visitor.csrf = "wrong"
    visitor.refusal("POST", f"/table/data-assets?{of}", 403, {"name": "x"})


def test_work_that_a_killed_server_left_is_begun_anew(workspace_home: Path, photos: Path) -> None:
    tables = Tables(AllowedFolders([photos]))
    try:
        from tintype.studio.tables.kept import kept_folder
        from tintype.studio.tables.references import named_table

        folder = kept_folder(named_table("folder:photos", tables.folders))
        tell(folder, "reading", Progress("working", 5, 0, "reading"))
        assert tables.progress("reading", folder) is None
        tables.look("folder:photos")
        told = tables.progress("reading", folder)
        assert told is not None and told.state in ("waiting", "working", "done")
    finally:
        tables.close()
    # Ended with the server, it says of itself what it said last.
    assert read_progress(folder, "reading") is not None


@pytest.mark.usefixtures("in_this_process")
def test_events_tell_of_tables(visitor: Visitor) -> None:
    from tintype.studio.watch import Watch, check_topics
    from tintype.workspace.run_index import RunIndex

    table = opened(visitor, "folder:photos")
    topic = f"table:{table['key']}"
    check_topics([topic])
    watch = Watch(RunIndex())
    assert topic not in watch._look({topic})
    visitor.ask("POST", "/table/inspection?of=folder:photos")
    assert watch._look({topic})[topic] == {"inspection"}
    assert "table:KEY" in visitor.refusal("GET", "/events?topic=table:../x", 400)
