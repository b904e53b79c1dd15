"""Near-duplicates stay on one side of every split, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, noise
from PIL import Image

from tintype.automl.folds import folds_of
from tintype.data import ImageTable, read_image_table, split_validation
from tintype.data.groups import joined_groups
from tintype.images import near_duplicates
from tintype.images.near_duplicates import keep_near_duplicates_together
from tintype.jobs.tables import load_tables
from tintype.schemas.finetuning import FinetuningParameters
from tintype.schemas.job_parts import DataInput, JobData
from tintype.training import finetune


def bursts(root: Path, count: int = 30, copied: int = 6) -> Path:
    """`count` pictures of two classes, of which the first `copied` were saved three times: as they
    are, and smaller. A name begins with its picture's number."""
    for number in range(count):
        picture = Image.fromarray(noise(96, 96, seed=number))
        versions = [picture]
        if number < copied:
            versions += [picture.resize((60, 60)), picture.resize((80, 80))]
        for place, version in enumerate(versions):
            path = root / "ab"[number % 2] / f"{number:02d}_{place}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded(version, "JPEG", quality=85))
    return root


def pictures_of(table: ImageTable) -> set[str]:
    return {Path(place).name[:2] for place in table.locations()}


@pytest.mark.parametrize("stratified", [True, False])
def test_a_split_parts_no_near_duplicates(tmp_path: Path, stratified: bool) -> None:
    table = read_image_table(bursts(tmp_path))
    marked, said = keep_near_duplicates_together(table)
    assert said == "18 pairs of near-duplicates stay on one side of every split"
    parted = 0
    for seed in range(8):
        train, validation = split_validation(marked, seed=seed, stratified=stratified)
        assert not pictures_of(train) & pictures_of(validation)
        assert len(validation) == pytest.approx(0.2 * len(table), abs=3)
        parted += bool(set.intersection(*map(pictures_of, split_validation(table, seed=seed))))
    assert parted > 4, "without looking, most splits part some"


def test_what_is_kept_together_stays_so_in_selections_and_folds(tmp_path: Path) -> None:
    marked, _ = keep_near_duplicates_together(read_image_table(bursts(tmp_path)))
    rows = np.random.default_rng(0).permutation(len(marked))[:30]
    some = marked.select(rows)
    assert some.together is not None
    names = [Path(place).name[:2] for place in some.locations()]
    for one in range(30):
        for other in range(30):
            same = some.together[one] == some.together[other]
            assert same == (names[one] == names[other])
    folds = folds_of(some.targets(), "image_classification", 0, some.together)
    for name in set(names):
        assert len({folds[row] for row in range(30) if names[row] == name}) == 1
    # Where a selection has none of them, all rows stand by themselves.
    alone = marked.select(np.flatnonzero([Path(p).name[:2] > "05" for p in marked.locations()]))
    assert alone.together is None
    assert alone.looked_for_near_duplicates


def test_near_duplicates_join_groups(tmp_path: Path) -> None:
    folder = bursts(tmp_path, count=12, copied=1)
    # Two people each took a version of picture 00, and other pictures.
    (folder / "a" / "00_1.jpg").rename(folder / "a" / "00_1_otto.jpg")
    (folder / "a" / "02_0.jpg").rename(folder / "a" / "02_0_otto.jpg")
    (folder / "a" / "00_2.jpg").rename(folder / "a" / "00_2_anna.jpg")
    (folder / "a" / "04_0.jpg").rename(folder / "a" / "04_0_anna.jpg")
    table = read_image_table(folder, group_pattern=r"_(otto|anna)\.")
    marked, _ = keep_near_duplicates_together(table)
    assert marked.together is not None
    names = [Path(place).name[:2] for place in marked.locations()]
    joined = {marked.together[row] for row, name in enumerate(names) if name in ("00", "02", "04")}
    assert len(joined) == 1
    assert len(set(marked.together.tolist())) == 12 - 3 + 1
    numbers = joined_groups(np.array([5, 5, 9, 9, 7]), np.array([1, 2, 2, 3, 4]))
    assert numbers.tolist() == [0, 0, 0, 0, 1]


def test_a_class_that_looks_alike_is_split_as_before(tmp_path: Path) -> None:
    for kind, name in enumerate(("a", "b")):
        (tmp_path / name).mkdir()
        for number in range(10):
            grain = np.random.default_rng([kind, number]).normal(0, 2, (96, 96, 3))
            picture = (noise(96, 96, seed=kind) + grain).clip(0, 255).astype(np.uint8)
            (tmp_path / name / f"{number}.png").write_bytes(encoded(picture))
    table = read_image_table(tmp_path)
    marked, said = keep_near_duplicates_together(table)
    assert "20 images are split although they look alike" in said
    assert marked.together is None
    train, validation = split_validation(marked, seed=1)
    assert validation.class_counts().tolist() == [2, 2]
    assert list(train.locations()) == list(split_validation(table, seed=1)[0].locations())


def test_large_tables_are_not_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_duplicates, "FULL_DECODE_ROWS", 40)
    marked, said = keep_near_duplicates_together(read_image_table(bursts(tmp_path)))
    assert "not looked for among more than 40 images" in said
    assert marked.together is None


def job_data(folder: Path, **more: object) -> JobData:
    given = {
        "validation": None,
        "test": None,
        "label_column": "label",
        "image_column": "image_url",
        "ignore_data_errors": False,
    }
    return JobData(
        task="image_classification",
        training=DataInput(path=str(folder)),
        **{**given, **more},
    )


def test_jobs_keep_them_together_and_say_so(tmp_path: Path) -> None:
    folder = bursts(tmp_path)
    tables = load_tables(job_data(folder, validation_share=0.2, test_share=0.2))
    assert tables.test is not None
    parts = [pictures_of(part) for part in (tables.train, tables.held_out, tables.test)]
    assert sum(map(len, parts)) == 30
    said = "training_data: 18 pairs of near-duplicates stay on one side of every split"
    assert said in tables.notices
    assert not any("are nearly the same as images of" in notice for notice in tables.notices)
    apart = job_data(folder, validation_share=0.3, near_duplicates_together=False)
    tables = load_tables(apart)
    assert tables.train.together is None
    assert any("nearly the same as images of training_data" in said for said in tables.notices)


def test_a_class_without_validation_images_is_told(tmp_path: Path) -> None:
    folder = bursts(tmp_path, copied=0)
    for path in sorted((folder / "a").iterdir())[:8]:
        path.rename(path.with_name(f"otto_{path.name}"))
    for path in sorted((folder / "a").iterdir())[:7]:
        path.unlink()
    tables = load_tables(job_data(folder, validation_share=0.2, group_pattern=r"^(otto)_"))
    assert tables.held_out.class_counts()[0] == 0
    notice = next(notice for notice in tables.notices if notice.startswith("validation_data: "))
    assert "images is of class 'a' (groups and near-duplicates stay whole)" in notice


@pytest.mark.parametrize("together", [True, False])
def test_fine_tuning_splits_so_by_itself(tmp_path: Path, together: bool) -> None:
    events: list[dict[str, object]] = []
    result = finetune(
        checkpoint="tintype/resnet-small",
        train=read_image_table(bursts(tmp_path / "pictures")),
        task="image_classification",
        parameters=FinetuningParameters(
            max_steps=1,
            image_height=32,
            image_width=32,
            precision="32",
            near_duplicates_together=together,
        ),
        output_folder=tmp_path / "out",
        log=events.append,
    )
    said = [event["message"] for event in events if event["event"] == "notice"]
    assert any("18 pairs of near-duplicates" in str(one) for one in said) == together
    rest = pictures_of(read_image_table(tmp_path / "pictures")) - pictures_of(result.validation)
    whole = len(result.validation) + sum(3 if name < "06" else 1 for name in rest)
    assert (whole == 42) == together
