"""Explanations of what runs have predicted, by the studio itself: its routes, and its pages by keys."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from checkpoints import write_checkpoint
from pages import PageServer, check_usable, expect, opened_page
from pictures import encoded, noise
from PIL import Image
from studio_models import make_model_run
from studio_runs import make_run
from studio_visitors import Visitor

from tintype.explaining.explainer import Explainer
from tintype.explaining.scorer import Scorer
from tintype.studio import explanations
from tintype.studio.app import create_studio_app, studio_behind
from tintype.studio.tables.kept import Progress, Stage, tell
from tintype.studio.tables.reading import read_table
from tintype.studio.tables.work import TableWork
from tintype.workspace.comparisons import Comparison, ComparisonStore

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LABELS = ("can", "carton", "<b id=evil>jug</b>")
_GAP = 8


def make_workspace(home: Path, scratch: Path) -> list[Path]:
    """A comparison of a ViT with a convolutional network, the predictions of an evaluation, and their pictures."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    first = make_model_run(home, "teach", scratch)
    second = write_checkpoint(scratch / "convolutional", "efficientnet_lite", labels=LABELS)
    photos = scratch / "photos"
    pictures = [photos / label / f"{at}.png" for at, label in enumerate(("can", "carton"))]
    for at, picture in enumerate(pictures):
        picture.parent.mkdir(parents=True)
        picture.write_bytes(encoded(noise(40, 60, at)))
    store = ComparisonStore(home)
    listed = store.write_pictures("a1", [*map(str, pictures), str(photos / "gone.png")])
    runs = ("by-one", "by-other")
    store.save(Comparison("a1", ("photos", "other"), "data", runs, ["can", "carton", None]))
    for name, model in zip(runs, (first, second), strict=True):
        document = {"model": str(model), "inputs": {"input": {"path": str(listed)}}}
        make_run(home, name, type="batch", document=document)
        child = make_run(home, f"{name}_batchscoring", type="batch", parent=name)
        folder = child.outputs / "score"
        folder.mkdir(parents=True)
        probs = [0.2, 0.5, 0.3]
        row = {"file_name": "pictures.txt", "label": "carton", "probs": probs, "labels": LABELS}
        text = "".join(f"{json.dumps({**row, 'row': at})}\n" for at in range(3))
        (folder / "predictions.jsonl").write_text(text)
    document = {"model": str(first), "test_data": {"path": str(photos)}}
    judged = make_run(home, "judged", type="evaluation", document=document)
    folder = judged.outputs / "evaluation" / "predictions" / "predictions"
    folder.mkdir(parents=True)
    names = [str(picture) for picture in pictures]
    columns = {
        "file_name": names,
        "row": [0, 1],
        "image": names,
        "label": ["carton", "carton"],
        "score": pa.array([0.9, 0.8], pa.float32()),
        "error": pa.array([None, None], pa.string()),
    }
    pq.write_table(pa.table(columns), folder / "part-00000.parquet")
    return pictures


# The routes -------------------------------------------------------------------------------------


@pytest.fixture
def visitor(
    workspace_home: Path, mlflow_database: Path, tmp_path: Path
) -> Iterator[tuple[Visitor, list[Path]]]:
    shutil.copyfile(mlflow_database, workspace_home / "mlflow.db")
    pictures = make_workspace(workspace_home, tmp_path)
    guard = create_studio_app()
    yield Visitor(guard), pictures
    studio_behind(guard).end_streams()


def tile(png: bytes, row: int, column: int) -> np.ndarray:
    """One of the four of a grid, uint8 (h, w, 3)."""
    grid = np.asarray(Image.open(io.BytesIO(png)))
    height, width = ((side - 3 * _GAP) // 2 for side in grid.shape[:2])
    up, left = _GAP + row * (height + _GAP), _GAP + column * (width + _GAP)
    return grid[up : up + height, left : left + width]


def test_both_models_of_a_comparison_explain_themselves(
    visitor: tuple[Visitor, list[Path]], workspace_home: Path, tmp_path: Path
) -> None:
    asked, pictures = visitor
    folder = workspace_home / "runs" / "teach" / "outputs" / "mlflow-model"
    for side, default in enumerate(("attention", "guided_gradcam")):
        path = f"/comparisons/a1/sides/{side}"
        offered = asked.ask("GET", f"{path}/explanations")
        assert offered["default"] == default and offered["unavailable"] is None
        assert offered["timeout_s"] == explanations.MOST_SECONDS
        found = asked.ask("POST", f"{path}/pictures/0/explanation", {"method": default})
        # What the model sees, and what the data say where that is something else.
        labels = [each["label"] for each in found]
        source = folder if side == 0 else tmp_path / "convolutional"
        (predicted,) = Scorer.load(source).predict([str(pictures[0])])
        assert labels[0] == LABELS[int(np.argmax(predicted.probs))]
        assert set(labels) == {labels[0], "can"}
        own = Scorer.load(source).explain([str(pictures[0])], method=default, target=labels)[0]
        png = base64.b64decode(found[0]["picture"])
        factor = -(-224 // min(own.pixels.shape[:2]))
        np.testing.assert_array_equal(
            tile(png, 0, 0), own.pixels.repeat(factor, 0).repeat(factor, 1)
        )
        assert found[0]["share"] == pytest.approx(own.attributions[0].confidence, abs=0.02)


def test_explanations_that_are_refused(visitor: tuple[Visitor, list[Path]]) -> None:
    asked, _ = visitor
    sides = "/comparisons/a1/sides"
    body = {"method": "attention"}
    for path in (f"{sides}/2", "/comparisons/b2/sides/0"):
        asked.refusal("GET", f"{path}/explanations", 404)
        asked.refusal("POST", f"{path}/pictures/0/explanation", 404, body)
    asked.refusal("POST", f"{sides}/0/pictures/3/explanation", 404, body)
    asked.refusal("POST", f"{sides}/0/pictures/0/explanation", 422, {"method": "magic"})
    said = asked.refusal("POST", f"{sides}/1/pictures/0/explanation", 400, body)
    assert "the nearest that is valid is 'guided_gradcam'" in said
    said = asked.refusal("POST", f"{sides}/0/pictures/2/explanation", 422, body)
    assert "the picture cannot be read" in said
    token, asked.csrf = asked.csrf, ""
    asked.refusal("POST", f"{sides}/0/pictures/0/explanation", 403, body)
    asked.csrf = token


def test_pictures_of_a_table_of_predictions(
    visitor: tuple[Visitor, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_at_once(
        _: TableWork, stage: Stage, source: Any, folder: Path, model: str = ""
    ) -> None:
        assert stage == "reading"
        read_table(source, folder, lambda done, total: None)
        tell(folder, stage, Progress("done"))

    monkeypatch.setattr(TableWork, "begin", read_at_once)
    asked, _ = visitor
    for part, run in (("predictions", "judged"), ("test_data", None)):
        asked.ask("GET", f"/table?of=run:judged:{part}")
        picture = asked.ask("GET", f"/table/pictures/0?of=run:judged:{part}")
        assert picture["predicted_by"] == run
    path = "/table/pictures/0/explanation"
    of = "?of=run:judged:predictions"
    assert asked.ask("GET", f"{path}s{of}")["default"] == "attention"
    found = asked.ask("POST", f"{path}{of}", {"method": "attention"})
    assert "can" in [each["label"] for each in found]
    of = "?of=run:judged:test_data"
    assert "is not known" in asked.refusal("POST", f"{path}{of}", 404, {"method": "attention"})
    missing = "/table/pictures/9/explanation?of=run:judged:predictions"
    asked.refusal("POST", missing, 404, {"method": "attention"})


def test_a_model_that_is_gone(
    visitor: tuple[Visitor, list[Path]], workspace_home: Path, tmp_path: Path
) -> None:
    asked, _ = visitor
    shutil.rmtree(tmp_path / "convolutional")
    said = asked.refusal("GET", "/comparisons/a1/sides/1/explanations", 409)
    assert "its model cannot be loaded" in said
    shutil.rmtree(workspace_home / "runs" / "by-one")
    assert "by-one" in asked.refusal("GET", "/comparisons/a1/sides/0/explanations", 404)


def test_few_wait_and_none_too_long(
    visitor: tuple[Visitor, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, _ = visitor
    path = "/comparisons/a1/sides/0"
    asked.ask("GET", f"{path}/explanations")
    go_on, begun = threading.Event(), threading.Event()

    def held(*_: Any, **__: Any) -> Any:
        begun.set()
        assert go_on.wait(60)
        raise RuntimeError("held")

    monkeypatch.setattr(Explainer, "explain_pixels", held)
    thread = studio_behind(asked.http.app).explanations._thread  # type: ignore[arg-type]
    monkeypatch.setattr(thread, "_most_waiting", 1)
    body = {"method": "attention"}
    explain = f"{path}/pictures/0/explanation"
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(asked.refusal, "POST", explain, 424, body)
        assert begun.wait(60)
        assert "1 explanations wait already" in asked.refusal("POST", explain, 429, body)
        # Everything else goes on.
        assert asked.ask("GET", "/comparisons/a1")["id"] == "a1"
        go_on.set()
        assert "the explanation failed: held" in first.result()
    go_on.clear()
    monkeypatch.setattr(explanations, "MOST_SECONDS", 0.2)
    assert "no explanation within 0.2 s" in asked.refusal("POST", explain, 408, body)
    go_on.set()


# The pages --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def studio(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path
) -> Iterator[PageServer]:
    home = tmp_path_factory.mktemp("explained-home")
    shutil.copyfile(mlflow_database, home / "mlflow.db")
    make_workspace(home, tmp_path_factory.mktemp("explained"))
    served = PageServer(home, "studio", "--no-browser")
    yield served
    served.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_mistakes_are_explained_by_keys_alone(
    browser: Browser, studio: PageServer, width: int, scheme: str
) -> None:
    options: dict[str, Any] = {"viewport": {"width": width, "height": 844}, "color_scheme": scheme}
    with opened_page(browser, **options) as open_:
        page = open_(f"{studio.url}/compare-models/a1")
        page.set_default_timeout(240_000)
        why = page.get_by_role("button", name="Why: what photos says of 0.png")
        why.press("Enter")
        dialog = page.get_by_role("dialog", name="Why: what photos says of 0.png")
        dialog.locator(".grid-picture").wait_for()
        expect(dialog.get_by_label("Method", exact=False)).to_have_value("attention")
        dialog.get_by_role("radio", name="Overlay").press("ArrowRight")
        expect(dialog.get_by_role("radio", name="Heat map")).to_be_checked()
        dialog.get_by_role("slider", name="Opacity").press("ArrowLeft")
        expect(dialog.locator(".grid-picture")).to_have_attribute(
            "aria-label", re.compile("Heat map, 95 %")
        )
        check_usable(page, "compared")
        assert page.locator("#evil").count() == 0
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(why).to_be_focused()

        page.goto(f"{studio.url}/data/table?of=run:judged:predictions")
        page.get_by_role("gridcell", name=re.compile("0.png")).press("Enter")
        page.get_by_role("button", name="Why: the prediction of").press("Enter")
        dialog = page.get_by_role("dialog")
        dialog.locator(".grid-picture").wait_for()
        expect(dialog.get_by_role("status")).to_contain_text("what speaks for")
        check_usable(page, "a picture")
