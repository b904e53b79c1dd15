from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, noise

from tintype.errors import CheckpointError, OutputError
from tintype.models.model_folder import open_model_folder
from tintype.scoring import Scorer


def test_it_holds_what_is_needed_and_no_pickle(model_folder: Path) -> None:
    folder = open_model_folder(model_folder)
    assert folder.task == "image_classification"
    assert folder.classes == ("can", "carton", "jug")
    assert folder.card["family"] == "vit"
    assert folder.card["input_size"] == [32, 32]
    files = {
        str(file.relative_to(model_folder)) for file in model_folder.rglob("*") if file.is_file()
    }
    assert {
        "MLmodel",
        "requirements.txt",
        "input_example.json",
        "data/model/model.safetensors",
        "data/model/config.json",
        "data/model/preprocessor_config.json",
        "data/model/labels.json",
        "data/model/card.yaml",
        "data/model/checksums.json",
    } <= files
    assert not [name for name in files if name.endswith((".pkl", ".pt", ".bin", ".py"))]


def test_mlflow_gives_the_documented_answer(model_folder: Path) -> None:
    import mlflow
    import pandas as pd

    data = encoded(noise(50, 60))
    cell = base64.b64encode(data).decode()
    model = mlflow.pyfunc.load_model(str(model_folder))
    answer = model.predict(pd.DataFrame({"image": [cell, cell]}))
    expected = Scorer.load(model_folder).predict([data])[0]
    assert [set(row) for row in answer] == [{"probs", "labels"}] * 2
    assert answer[0]["labels"] == ["can", "carton", "jug"]
    assert np.allclose(answer[1]["probs"], expected.probs, atol=1e-6)


def test_mlflow_serves_it(model_folder: Path) -> None:
    from fastapi.testclient import TestClient
    from mlflow.pyfunc import load_model
    from mlflow.pyfunc.scoring_server import init

    cell = base64.b64encode(encoded(noise(50, 60))).decode()
    client = TestClient(init(load_model(str(model_folder))))
    body = {"dataframe_split": {"columns": ["image"], "data": [[cell]]}}
    response = client.post("/invocations", json=body)
    assert response.status_code == 200, response.text
    (row,) = response.json()["predictions"]
    assert row["labels"] == ["can", "carton", "jug"]
    assert sum(row["probs"]) == pytest.approx(1, abs=1e-5)


def test_changed_weights_are_refused(model_folder: Path) -> None:
    weights = model_folder / "data" / "model" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(CheckpointError, match="has changed"):
        open_model_folder(model_folder)


def test_pickles_are_refused(model_folder: Path) -> None:
    (model_folder / "python_model.pkl").write_bytes(b"")
    with pytest.raises(CheckpointError, match="is a pickle"):
        open_model_folder(model_folder)


@pytest.mark.parametrize("name", ["labels.json", "card.yaml", "checksums.json", "config.json"])
def test_incomplete_folders_are_refused(model_folder: Path, name: str) -> None:
    (model_folder / "data" / "model" / name).unlink()
    with pytest.raises(CheckpointError):
        open_model_folder(model_folder)


def test_checksums_cannot_name_files_elsewhere(model_folder: Path) -> None:
    sums = model_folder / "data" / "model" / "checksums.json"
    sums.write_text(json.dumps({"../../../../etc/passwd": "0"}))
    with pytest.raises(CheckpointError):
        open_model_folder(model_folder)


def test_a_full_disk_leaves_nothing_half_written(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from tintype.images.preprocess import Preprocessor
    from tintype.models import model_folder as module
    from tintype.models.checkpoint import resolve_checkpoint
    from tintype.models.classifier import load_classifier

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_save_mlflow_model", full)
    checkpoint = resolve_checkpoint(str(model_folder))
    target = tmp_path / "out" / "folder"
    with pytest.raises(OutputError, match="No space left"):
        module.write_model_folder(
            target,
            model=load_classifier(checkpoint),
            preprocessor=Preprocessor.from_folder(checkpoint.folder),
            task="image_classification",
            classes=("can", "carton", "jug"),
            card={},
        )
    assert list(target.parent.iterdir()) == []


def test_it_can_be_moved(model_folder: Path, tmp_path: Path) -> None:
    moved = shutil.move(model_folder, tmp_path / "elsewhere")
    assert Scorer.load(moved).classes == ("can", "carton", "jug")
