"""Names of an explanation's files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pictures import noise

from tintype.explaining.results import Attribution, Explanation
from tintype.explaining.targets import Target
from tintype.explaining.writing import shown_explanation, stem_of, write_explanation


@pytest.mark.parametrize(
    ("picture", "stem"),
    [
        ("holidays/beach.jpg", "0007-beach"),
        ("https://example.org/a%20b.png?size=3", "0007-a_20b"),
        ("rows.tar/..", "0007-.."),
        ("x\0\n\udcff.png", "0007-x___"),
    ],
)
def test_names_that_any_file_system_takes(picture: str, stem: str) -> None:
    assert stem_of(7, picture) == stem


def test_a_long_name_is_cut(tmp_path: Path) -> None:
    pixels, values = noise(32, 32), np.ones((3, 32, 32), np.float32)
    targets = [Attribution(Target(label, 0), 0.5, values) for label in "ab"]
    explanation = Explanation("xrai", "pixels", pixels, targets)
    written = write_explanation(explanation, tmp_path, stem_of(7, "字" * 200 + ".png", digits=6))
    assert all((tmp_path / each["attributions"]).is_file() for each in written["explained"])
    without = write_explanation(explanation, tmp_path / "b", "b", arrays=False)
    assert "attributions" not in without["explained"][0]
    assert not list((tmp_path / "b").glob("*.npy"))


def test_as_pages_show_it() -> None:
    attribution = Attribution(Target("can", 0), 0.512345, np.ones((3, 32, 32), np.float32))
    shown = shown_explanation(
        Explanation("xrai", "pixels", noise(32, 32), [attribution]),
        "a.png",
        {"can": "labelled"}.__getitem__,
    )
    (found,) = shown.data()["maps"]
    assert (found["label"], found["part"], found["confidence"]) == ("can", "labelled", 0.5123)
    assert found["picture"].startswith("data:image/webp;base64,")
