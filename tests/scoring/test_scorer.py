from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoints import FAMILIES, write_checkpoint
from pictures import encoded, noise, write_class_folders
from PIL import Image

from tintype.data import read_image_table
from tintype.errors import CheckpointError, ImageError, UsageError
from tintype.scoring import Prediction, Scorer, ScorerOptions


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("multilabel", [False, True])
def test_probabilities_equal_transformers(tmp_path: Path, family: str, multilabel: bool) -> None:
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    folder = write_checkpoint(tmp_path, family, multilabel=multilabel)
    images = [noise(40 + 7 * n, 90 - 9 * n, seed=n) for n in range(5)]
    processor = AutoImageProcessor.from_pretrained(folder)
    model = AutoModelForImageClassification.from_pretrained(folder).eval()
    inputs = processor([Image.fromarray(image) for image in images], return_tensors="pt")
    with torch.no_grad():
        logits = model(**inputs).logits
    expected = (logits.sigmoid() if multilabel else logits.softmax(-1)).numpy()
    scorer = Scorer.load(folder)
    found = np.stack([prediction.probs for prediction in scorer.predict(images)])
    assert np.abs(found - expected).max() < 1e-4
    assert expected.std(0).max() > 1e-3, "the images should not all look alike to the model"


def test_an_image_alone_or_in_company_is_judged_alike(model_folder: Path) -> None:
    images = [noise(50, 50, seed=n) for n in range(9)]
    together = Scorer.load(model_folder, batch_size=4).predict(images)
    alone = Scorer.load(model_folder, batch_size=1)
    for image, prediction in zip(images, together, strict=True):
        assert np.abs(alone.predict([image])[0].probs - prediction.probs).max() < 1e-6


def test_one_bad_image_disturbs_no_other(model_folder: Path) -> None:
    scorer = Scorer.load(model_folder, batch_size=8)
    good = [encoded(noise(50, 50, seed=n)) for n in range(7)]
    clean = scorer.predict(good)
    results = list(scorer.stream([*good[:3], b"broken", *good[3:]]))
    assert isinstance(results.pop(3), ImageError)
    for result, expected in zip(results, clean, strict=True):
        assert isinstance(result, Prediction)
        assert np.abs(result.probs - expected.probs).max() < 1e-6
    with pytest.raises(ImageError):
        scorer.predict([good[0], b"broken"])


def test_top_is_sorted_and_labels_keep_their_order(model_folder: Path) -> None:
    prediction = Scorer.load(model_folder).predict([noise(50, 50)])[0]
    assert prediction.labels == ("can", "carton", "jug")
    ranked = [probability for _, probability in prediction.top(3)]
    assert ranked == sorted(ranked, reverse=True)
    assert len(prediction.top(2)) == 2


def test_tables_are_scored_by_row(tmp_path: Path, model_folder: Path) -> None:
    table = read_image_table(write_class_folders(tmp_path / "root", per_class=4))
    Path(table.location(2)).write_bytes(b"broken")
    scores = Scorer.load(model_folder, batch_size=3).score_table(table)
    assert scores.rows.tolist() == [0, 1, 3, 4, 5, 6, 7]
    assert scores.probabilities.shape == (7, 3)
    assert [row for row, _ in scores.failures] == [2]


def test_bf16_stays_close(model_folder: Path) -> None:
    images = [noise(50, 50, seed=n) for n in range(6)]
    exact, fast = (
        np.stack([p.probs for p in Scorer.load(model_folder, precision=precision).predict(images)])
        for precision in ("fp32", "bf16")  # type: ignore[arg-type]
    )
    assert np.abs(exact - fast).max() < 0.05
    assert (exact != fast).any()


def test_threads_may_share_it(model_folder: Path) -> None:
    scorer = Scorer.load(model_folder)
    images = [noise(50, 50, seed=n) for n in range(4)]
    expected = [p.probs for p in scorer.predict(images)]
    found: list[bool] = []

    def work() -> None:
        for _ in range(5):
            probs = [p.probs for p in scorer.predict(images)]
            found.append(np.allclose(probs, expected, atol=1e-6))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 20


def test_what_cannot_be_loaded(model_folder: Path) -> None:
    with pytest.raises(UsageError, match="precision"):
        Scorer.load(model_folder, precision="int3")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="device"):
        Scorer.load(model_folder, device="quantum")
    with pytest.raises(CheckpointError, match="random weights"):
        Scorer.load("tintype/resnet-small")
    with pytest.raises(UsageError, match="is not an image"):
        Scorer.load(model_folder).predict([3])  # type: ignore[list-item]


@pytest.mark.parametrize("runtime", ["torch", "openvino", "onnxruntime"])
def test_threads_can_change_between_two_passes(vit_checkpoint: Path, runtime: str) -> None:
    scorer = Scorer.load(vit_checkpoint, runtime=runtime, precision="fp32", threads=2)
    assert scorer.choice.threads == scorer.describe()["threads"] == 2
    image = noise(40, 50)
    before = scorer.predict([image])[0].probs
    scorer.set_threads(1)
    assert scorer.choice.threads == 1
    assert np.abs(scorer.predict([image])[0].probs - before).max() < 1e-6


def test_options_are_one_value(vit_checkpoint: Path) -> None:
    options = ScorerOptions(runtime="torch", precision="fp32", batch_size=3, exact=False)
    scorer = Scorer.load(vit_checkpoint, options)
    assert (scorer.batch_size, scorer.exact) == (3, False)
    assert Scorer.load(vit_checkpoint, **options.model_dump(exclude_unset=True)).batch_size == 3
    with pytest.raises(UsageError, match="both options and precision given"):
        Scorer.load(vit_checkpoint, options, precision="bf16")
    with pytest.raises(UsageError, match="precison: unknown key"):
        Scorer.load(vit_checkpoint, precison="bf16")
    with pytest.raises(UsageError, match="threads"):
        ScorerOptions.of(threads=0)


def test_predict_says_what_ran(
    vit_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tintype.cli.main import _run

    (tmp_path / "a.png").write_bytes(encoded(noise(40, 50), "PNG"))
    command = ["predict", "--model", str(vit_checkpoint), str(tmp_path / "a.png"), "--verbose"]
    assert _run([*command, "--runtime", "torch", "--precision", "fp32"]) == 0
    said = capsys.readouterr().err
    assert "runtime: torch" in said
    assert "precision: fp32" in said
    assert _run([*command, "--precision", "fp31"]) == 2
    assert "precision: 'fp31' given" in capsys.readouterr().err
    # Azure's options of that name say nothing here, but are taken.
    assert _run(["model", "list", "--verbose", "--only-show-errors"]) == 0
