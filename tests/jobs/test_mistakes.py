"""The surest mistakes of an evaluation, explained: which labels, by which maps, and what stops it."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from checkpoints import write_checkpoint, write_clip
from conftest import Command
from in_process import Listener
from pictures import encoded, noise
from PIL import Image
from report_pages import data_of

import tintype
from tintype.errors import RunCancelled, UsageError
from tintype.explaining.explainer import Explainer
from tintype.explaining.pictures import heat_layer
from tintype.explaining.targets import Targets
from tintype.jobs.execution import execute_run
from tintype.jobs.run import Run
from tintype.schemas.explanation_settings import EvaluationExplanations

ATTENTION = EvaluationExplanations(method="attention")


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Nine pictures of three labels: of a model that learned nothing, six are mistakes or so."""
    for number in range(9):
        path = tmp_path / "data" / ("can", "carton", "jug")[number % 3] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(noise(40, 40, seed=number), "PNG"))
    return tmp_path / "data"


def explained_in(report: Path) -> Any:
    return data_of((report / "evaluation.html").read_text())["explained"]


def test_maps_of_what_was_predicted_and_of_what_is_labelled(
    tmp_path: Path, vit_checkpoint: Path, folders: Path
) -> None:
    told: list[str] = []
    found = tintype.evaluate(
        vit_checkpoint, folders, output=tmp_path / "report", explain=ATTENTION, tell=told.append
    )
    made = found.predictions
    wrong = np.flatnonzero(made.predicted != made.targets)
    order = wrong[np.argsort(-made.probabilities.max(1)[wrong], kind="stable")]
    page = explained_in(tmp_path / "report")
    assert found.images is not None
    names = [Path(found.images.location(int(row))).name for row in order]
    assert [each["name"] for each in page["pictures"]] == names
    assert told[0].startswith(
        f"explaining {2 * len(order)} labels of {len(order)} mistakes by attention"
    )
    scorer = tintype.Scorer.load(vit_checkpoint, precision="fp32", exact=True)
    explainer, targets = Explainer(scorer), Targets(scorer)
    for row, each in zip(order.tolist(), page["pictures"], strict=True):
        labels = [found.classes[made.predicted[row]], found.classes[made.targets[row]]]
        assert [one["label"] for one in each["maps"]] == labels
        assert [one["part"] for one in each["maps"]] == ["predicted", "labelled"]
        shares = [one["confidence"] for one in each["maps"]]
        assert shares == pytest.approx(
            made.probabilities[row][[made.predicted[row], made.targets[row]]].tolist(), abs=1e-4
        )
        (expected,) = explainer.explain(
            [found.images.location(row)], "attention", targets, [labels[1]]
        )
        content = base64.b64decode(each["maps"][1]["picture"].partition(",")[2])
        assert content == heat_layer(expected.attributions[0].map)
        assert Image.open(io.BytesIO(content)).size == (32, 32)


def test_without_explain_nothing_is(tmp_path: Path, vit_checkpoint: Path, folders: Path) -> None:
    tintype.evaluate(vit_checkpoint, folders, output=tmp_path / "report")
    assert explained_in(tmp_path / "report") is None


def test_a_model_without_mistakes_has_none_to_explain(
    tmp_path: Path, vit_checkpoint: Path, folders: Path
) -> None:
    scorer = tintype.Scorer.load(vit_checkpoint, precision="fp32")
    kept = tmp_path / "kept"
    for path in folders.rglob("*.png"):
        label = scorer.predict([path])[0].top(1)[0][0]
        (kept / label).mkdir(parents=True, exist_ok=True)
        (kept / label / path.name).write_bytes(path.read_bytes())
    found = tintype.evaluate(vit_checkpoint, kept, output=tmp_path / "report", explain=ATTENTION)
    assert found.explained is None


def test_zero_shot_and_a_picture_that_is_gone(
    tmp_path: Path, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = write_clip(tmp_path / "clip")
    plain = Explainer.pixels_of
    gone: list[str] = []

    def pixels_of(self: Explainer, image: Any) -> np.ndarray:
        if not gone:
            gone.append(Path(image).name)
            Path(image).unlink()
        return plain(self, image)

    monkeypatch.setattr(Explainer, "pixels_of", pixels_of)
    settings = EvaluationExplanations(seconds=0, rows=3)
    found = tintype.evaluate(clip, folders, output=tmp_path / "report", explain=settings)
    page = explained_in(tmp_path / "report")
    assert page["failures"][0].startswith(f"{gone[0]}: ")
    assert len(page["pictures"]) == 2
    labels = {one["label"] for each in page["pictures"] for one in each["maps"]}
    assert labels <= set(found.classes)


def test_multilabel(tmp_path: Path) -> None:
    rows = []
    for number in range(6):
        (tmp_path / f"{number}.png").write_bytes(encoded(noise(40, 40, seed=number), "PNG"))
        labels = [name for name in ("can", "carton", "jug") if number % 2 or name == "can"]
        rows.append(json.dumps({"image_url": f"{number}.png", "label": labels}))
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))
    model = write_checkpoint(tmp_path / "model", multilabel=True)
    found = tintype.evaluate(
        model, tmp_path / "rows.jsonl", output=tmp_path / "report", explain=ATTENTION
    )
    made = found.predictions
    pictures = explained_in(tmp_path / "report")["pictures"]
    assert len(pictures) == (made.predicted != made.targets).any(1).sum() > 0
    for each in pictures:
        row = int(each["name"][0])
        for one in each["maps"]:
            code = found.classes.index(one["label"])
            is_labelled = bool(made.targets[row, code])
            assert one["part"] == ("labelled" if is_labelled else "predicted")
            assert made.predicted[row, code] != made.targets[row, code]


def test_a_method_that_is_not_valid_is_refused_before_anything_is_scored(
    tmp_path: Path, vit_checkpoint: Path, folders: Path
) -> None:
    settings = EvaluationExplanations(method="guided_gradcam")
    with pytest.raises(UsageError, match="nearest that is valid is 'attention'"):
        tintype.evaluate(vit_checkpoint, folders, output=tmp_path / "report", explain=settings)
    assert not list(tmp_path.glob("*report*"))


def test_stopped_between_pictures(
    tmp_path: Path, vit_checkpoint: Path, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tintype.jobs import mistakes

    found = tintype.evaluate(vit_checkpoint, folders)
    asked = iter([False, False, True])
    plain, explained = Explainer.explain_pixels, []

    def explain_pixels(self: Explainer, *given: Any) -> Any:
        explained.append(given)
        return plain(self, *given)

    monkeypatch.setattr(Explainer, "explain_pixels", explain_pixels)
    with pytest.raises(RunCancelled):
        mistakes.explain_mistakes(
            tintype.Scorer.load(vit_checkpoint), found, ATTENTION, cancelled=lambda: next(asked)
        )
    assert len(explained) == 2


@pytest.mark.usefixtures("no_workers")
def test_an_evaluation_job_explains(
    tmp_path: Path, vit_checkpoint: Path, folders: Path, command: Command
) -> None:
    job = tmp_path / "job.yml"
    lines = ["type: evaluation", f"model: {vit_checkpoint}", "test_data: {path: ./data}"]
    job.write_text("\n".join([*lines, "explain: {method: guided_gradcam}"]))
    said = command("job", "create", "--file", job, code=2)
    assert "job.yml:4: explain.method: method 'guided_gradcam' is for convolutional" in said
    job.write_text("\n".join([*lines, "explain: {method: attention, rows: 2}"]))
    name = command("job", "create", "--file", job)["name"]
    assert execute_run(Run(name), Listener()).status == "Completed"
    assert len(explained_in(Run(name).outputs / "evaluation")["pictures"]) == 2


@pytest.mark.usefixtures("no_workers")
def test_a_fine_tuning_s_own_reports_explain(tmp_path: Path, command: Command) -> None:
    """Labels by chance: every model makes mistakes."""
    for split in ("train", "test"):
        for number in range(12):
            path = tmp_path / split / "ab"[number % 2] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded(noise(40, 40, seed=100 * len(split) + number), "PNG"))
    write_checkpoint(tmp_path / "vit")
    document = {
        "type": "finetuning",
        "task": "image_classification",
        "model_name": "./vit",
        "training_data": "./train",
        "test_data": "./test",
        "hyperparameters": {"method": "head", "number_of_epochs": 1},
        "evaluation": {"explain": "guided_gradcam"},
    }
    job = tmp_path / "job.yml"
    job.write_text(yaml.safe_dump(document, sort_keys=False))
    said = command("job", "create", "--file", job, code=2)
    assert (
        "job.yml:10: evaluation.explain.method: method 'guided_gradcam' is for convolutional"
        in said
    )
    run = command("job", "create", "--file", job, "--set", "evaluation.explain=attention")["name"]
    assert execute_run(Run(run), Listener()).status == "Completed"
    for folder in ("evaluation", "test-evaluation"):
        report = Run(run).outputs / folder
        wrong = json.loads((report / "metrics.json").read_text())["metrics"]["accuracy"] < 1
        assert (explained_in(report) is not None) == wrong
        for each in explained_in(report)["pictures"] if wrong else ():
            assert {one["label"] for one in each["maps"]} == {"a", "b"}
