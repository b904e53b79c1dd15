"""Images that belong together: how their groups are told, and that splits keep them whole."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pictures import encoded, noise, write_jsonl_rows
from pyarrow import parquet

import tintype
from tintype.automl.heads import fit_head
from tintype.data import ImageTable, read_image_table, split_validation
from tintype.data.groups import GroupBy, counts_by_group, sides_of_groups
from tintype.errors import DataError, DocumentError, UsageError
from tintype.jobs.tables import load_tables
from tintype.schemas.document import Document
from tintype.schemas.finetuning_job import read_finetuning_job
from tintype.schemas.job_parts import DataInput, JobData


def people(folder: Path, count: int = 20, each: int = 6) -> Path:
    """Class folders of different pictures `<person>_<number>.png`; most people have one class, some
    two."""
    for person in range(count):
        for number in range(each):
            name = "abc"[(person + (number == 0 and person % 4 == 0)) % 3]
            path = folder / name / f"person{person:02}_{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded(noise(16, 16, seed=person * each + number)))
    return folder


def people_of(table: ImageTable) -> set[str]:
    return {Path(location).name.split("_")[0] for location in table.locations()}


PATTERN = r"^(person\d+)_"


@pytest.mark.parametrize("stratified", [True, False])
def test_nobody_is_on_both_sides_of_a_split(tmp_path: Path, stratified: bool) -> None:
    table = read_image_table(people(tmp_path / "data"), group_pattern=PATTERN)
    assert len(table.group_names()) == 20
    for seed in range(8):
        train, validation = split_validation(table, seed=seed, stratified=stratified)
        assert not people_of(train) & people_of(validation)
        assert len(train) + len(validation) == len(table)
        assert 0.1 <= len(validation) / len(table) <= 0.3
        assert train.class_counts().min() > 0
        if stratified:
            assert validation.class_counts().min() > 0


def test_shares_are_as_even_as_groups_allow() -> None:
    random = np.random.default_rng(0)
    targets = random.choice(6, 2400, p=[0.35, 0.25, 0.2, 0.1, 0.06, 0.04])
    groups = np.repeat(np.arange(300), 8)
    counts = counts_by_group(targets, groups, 6)
    assert counts.sum(0).tolist() == np.bincount(targets).tolist()
    sides = sides_of_groups(counts, (0.8, 0.2), seed=1, keep=0)
    assert np.abs(counts[sides == 1].sum(0) / counts.sum(0) - 0.2).max() < 0.02
    folds = sides_of_groups(counts, [0.2] * 5, seed=1)
    shares = np.stack([counts[folds == fold].sum(0) for fold in range(5)]) / counts.sum(0)
    assert np.abs(shares - 0.2).max() < 0.04


def test_copies_and_groups_are_joined(tmp_path: Path) -> None:
    """The same bytes under two people make one of them."""
    folder = people(tmp_path / "data", count=6)
    copied = (folder / "a" / "person00_1.png").read_bytes()
    (folder / "b" / "person01_9.png").write_bytes(copied)
    table = read_image_table(folder, group_pattern=PATTERN)
    for seed in range(10):
        sides = [people_of(part) for part in split_validation(table, seed=seed)]
        assert any({"person00", "person01"} <= side for side in sides)


def test_folds_keep_groups_whole() -> None:
    """Features that give away the group, labels that are the group's: only strangers tell the
    truth."""
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 8)
    targets = random.permutation(np.arange(40) % 2)[groups]
    features = (np.eye(40)[groups] * 4 + random.normal(size=(320, 40)) * 0.1).astype(np.float32)
    options = {"task": "image_classification", "classes": 2, "metric": "accuracy"}
    assert fit_head(features, targets, **options).score > 0.95  # type: ignore[arg-type]
    honest = fit_head(features, targets, groups=groups, **options)  # type: ignore[arg-type]
    assert honest.score < 0.75


def rows_with(folder: Path, key: str, values: list[object]) -> list[dict[str, object]]:
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, object]] = []
    for number, value in enumerate(values):
        (folder / f"{number}.png").write_bytes(encoded(noise(16, 16, seed=number)))
        row: dict[str, object] = {"image_url": f"{number}.png", "label": "ab"[number % 2]}
        rows.append(row if value is None else {**row, key: value})
    return rows


def test_groups_of_json_lines(tmp_path: Path) -> None:
    rows = rows_with(tmp_path, "group", ["anna", "anna", "otto", None, "otto", 7])
    table = read_image_table(write_jsonl_rows(tmp_path / "rows.jsonl", rows))
    assert table.group_names() == ["7", "anna", "otto"]
    assert table.groups is not None
    assert len(set(table.groups.tolist())) == 4
    assert "3 groups" in table.notices[0]
    assert "1 of 6 images are of no group" in table.notices[1]
    (tmp_path / "MLTable").write_text("paths: [{file: ./rows.jsonl}]")
    assert read_image_table(tmp_path).group_names() == table.group_names()


def test_groups_of_csv_and_parquet_by_a_name_of_ones_own(tmp_path: Path) -> None:
    rows = rows_with(tmp_path, "camera", [1, 1, 2, 2])
    lines = [f"{row['image_url']},{row['label']},{row['camera']}" for row in rows]
    csv = tmp_path / "rows.csv"
    csv.write_text("\n".join(["filename,label,Camera", *lines]))
    indicators = tmp_path / "ones.csv"
    ones = [f"{row['image_url']},{int(row['label'] == 'a')},1,{row['camera']}" for row in rows]
    indicators.write_text("\n".join(["filename,a,b,camera", *ones]))
    table = pa.table({name: [row[name] for row in rows] for name in rows[0]})
    parquet.write_table(table, tmp_path / "rows.parquet")
    for path in (csv, indicators, tmp_path / "rows.parquet"):
        assert read_image_table(path, group_column="camera").group_names() == ["1", "2"]
    assert read_image_table(csv).groups is None


def test_a_label_that_is_called_group_is_none(tmp_path: Path) -> None:
    rows = [
        {"image_url": row["image_url"], "group": row["label"]}
        for row in rows_with(tmp_path, "x", [None] * 4)
    ]
    path = write_jsonl_rows(tmp_path / "rows.jsonl", rows)
    assert read_image_table(path, label_column="group").groups is None


def test_one_group_for_all_is_told_and_passed_over(tmp_path: Path) -> None:
    path = write_jsonl_rows(tmp_path / "rows.jsonl", rows_with(tmp_path, "group", ["all"] * 4))
    table = read_image_table(path)
    assert table.groups is None
    assert "all rows are of one group" in table.notices[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"group_pattern": "x(y)z"}, "group_pattern: 'x(y)z' matches no file name of 12 images"),
        ({"group_pattern": "no/(y)"}, "matches no path of 12 images"),
        ({"group_column": "camera"}, "group_column_name: none of 12 rows has a key 'camera'"),
    ],
)
def test_groups_that_are_not_there(tmp_path: Path, options: dict[str, str], message: str) -> None:
    folder = people(tmp_path / "data", count=2)
    with pytest.raises(DataError, match=re.escape(message)):
        read_image_table(folder, **options)  # type: ignore[arg-type]


def test_a_group_that_is_no_name(tmp_path: Path) -> None:
    rows = rows_with(tmp_path, "camera", [1, [2]])
    path = write_jsonl_rows(tmp_path / "rows.jsonl", rows)
    with pytest.raises(DataError, match=r"rows.jsonl:2: camera: \[2\] given; expected a name"):
        read_image_table(path, group_column="camera")


def test_patterns_that_are_none() -> None:
    with pytest.raises(UsageError, match="'person' has no group; put what names"):
        GroupBy(pattern="person")
    with pytest.raises(UsageError, match="is no regular expression"):
        GroupBy(pattern="(")
    with pytest.raises(UsageError, match="not both"):
        GroupBy("camera", "(x)")


def test_too_few_groups(tmp_path: Path) -> None:
    table = read_image_table(people(tmp_path / "data", count=4), group_pattern="(p)erson")
    with pytest.raises(UsageError, match=r"all images are of one group.*correct group_pattern"):
        split_validation(table)


def job_data(folder: Path, **more: object) -> JobData:
    return JobData(
        task="image_classification",
        training=DataInput(path=str(folder)),
        **{
            "validation": None,
            "test": None,
            "label_column": "label",
            "image_column": "image_url",
            "ignore_data_errors": False,
            "group_pattern": PATTERN,
            **more,
        },
    )


def test_a_job_splits_by_groups_and_tells_what_given_data_share(tmp_path: Path) -> None:
    folder = people(tmp_path / "data")
    tables = load_tables(job_data(folder, validation_share=0.2, test_share=0.2))
    assert tables.test is not None
    parts = [people_of(part) for part in (tables.train, tables.held_out, tables.test)]
    assert sum(map(len, parts)) == 20
    assert set.union(*parts) == people_of(read_image_table(folder))
    assert not any("share" in notice for notice in tables.notices)
    others = people(tmp_path / "others", count=7)
    for path in others.rglob("person0[0-4]*"):
        path.unlink()
    given = load_tables(job_data(folder, validation=DataInput(path=str(others))))
    notice = "training_data and validation_data share 2 groups (person05, person06)"
    assert any(sentence.startswith(notice) for sentence in given.notices)


def test_documents_name_line_and_fix(tmp_path: Path) -> None:
    document = {
        "task": "image_classification",
        "model_name": "tintype/resnet-small",
        "training_data": {"path": "."},
        "group_pattern": "person",
    }
    with pytest.raises(DocumentError, match=r"group_pattern.*has no group"):
        read_finetuning_job(Document(document), tmp_path)
    both = {**document, "group_pattern": "(x)", "group_column_name": "camera"}
    with pytest.raises(DocumentError, match="not both"):
        read_finetuning_job(Document(both), tmp_path)
    good = read_finetuning_job(Document({**document, "group_pattern": PATTERN}), tmp_path)
    assert good.data().group_pattern == PATTERN


def test_data_check_counts_groups(tmp_path: Path) -> None:
    folder = people(tmp_path / "data")
    client = tintype.Client()
    assert client.data.check(folder)["groups"] is None
    assert client.data.check(folder, group_pattern=PATTERN)["groups"] == 20
    json.dumps(client.data.check(folder, group_pattern=PATTERN))
