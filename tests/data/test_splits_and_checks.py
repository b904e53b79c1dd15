from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, striped, write_class_folders, write_jsonl_rows

from tintype.data import (
    ImageTable,
    check_training_table,
    check_validation_table,
    read_image_table,
    split_validation,
    write_jsonl,
    write_mltable,
)
from tintype.errors import DataError, UsageError


def multilabel_table(folder: Path, rows: int = 200) -> ImageTable:
    random = np.random.default_rng(0)
    folder.mkdir()
    lines: list[dict[str, object]] = []
    for number in range(rows):
        (folder / f"{number}.bin").write_bytes(str(number).encode())
        chance = (0.5, 0.3, 0.05)
        labels = [n for n, p in zip("abc", chance, strict=True) if random.random() < p]
        lines.append({"image_url": f"{number}.bin", "label": labels})
    return read_image_table(write_jsonl_rows(folder / "rows.jsonl", lines))


def names(table: ImageTable) -> set[str]:
    return set(table.locations())


def test_stratified_split_keeps_shares_and_rows(tmp_path: Path) -> None:
    root = write_class_folders(tmp_path / "root", per_class=20, classes=3)
    for number in range(12, 20):
        (root / "checks" / f"{number}.png").unlink()
    table = read_image_table(root)
    train, validation = split_validation(table, fraction=0.25, seed=3)
    assert validation.class_counts().tolist() == [3, 5, 5]
    assert names(train) | names(validation) == names(table)
    assert not names(train) & names(validation)


def test_split_is_decided_by_the_seed(class_folders: Path) -> None:
    table = read_image_table(class_folders)
    first, again, other = (names(split_validation(table, seed=s)[1]) for s in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("stratified", [True, False])
def test_identical_bytes_never_on_both_sides(tmp_path: Path, stratified: bool) -> None:
    root = write_class_folders(tmp_path / "root", per_class=10)
    for number in range(10):
        for copy in range(3):
            source = root / "upright" / f"{number}.png"
            (root / "upright" / f"{number}-{copy}.png").write_bytes(source.read_bytes())
    table = read_image_table(root)
    for seed in range(5):
        parts = split_validation(table, seed=seed, stratified=stratified)
        first, second = ({Path(p).read_bytes() for p in part.locations()} for part in parts)
        assert not first & second


def test_rare_classes_stay_in_training(tmp_path: Path) -> None:
    root = write_class_folders(tmp_path / "root", per_class=30)
    (root / "rare").mkdir()
    for number in range(2):
        (root / "rare" / f"{number}.png").write_bytes(encoded(striped(2, number)))
    for seed in range(10):
        train, _ = split_validation(read_image_table(root), seed=seed)
        assert train.class_counts().min() >= 1


def test_multilabel_shares(tmp_path: Path) -> None:
    table = multilabel_table(tmp_path / "data")
    _train, validation = split_validation(table, fraction=0.2, seed=0)
    share = validation.class_counts() / table.class_counts()
    assert np.abs(share - 0.2).max() < 0.07
    assert abs(len(validation) / len(table) - 0.2) < 0.05


def test_split_refusals(tmp_path: Path, class_folders: Path) -> None:
    table = read_image_table(class_folders)
    with pytest.raises(UsageError, match="between 0 and 1"):
        split_validation(table, fraction=1.0)
    with pytest.raises(UsageError, match="at least two"):
        split_validation(table.select(np.array([0, 0])))


def test_a_class_with_one_example(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(encoded(striped(0, 1)))
    path = write_jsonl_rows(
        tmp_path / "rows.jsonl", [{"image_url": "1.png", "label": label} for label in "aabbc"]
    )
    with pytest.raises(DataError, match=r"rows.jsonl:5: label: 'c' has one example"):
        check_training_table(read_image_table(path))


def test_one_class_only(tmp_path: Path) -> None:
    root = write_class_folders(tmp_path / "root", per_class=3, classes=1)
    with pytest.raises(DataError, match="at least 2"):
        check_training_table(read_image_table(root))


def test_validation_labels_unseen_in_training(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(encoded(striped(0, 1)))

    def table(name: str, labels: str) -> ImageTable:
        rows: list[dict[str, object]] = [{"image_url": "1.png", "label": label} for label in labels]
        return read_image_table(write_jsonl_rows(tmp_path / name, rows))

    train, validation = table("train.jsonl", "aabbcc"), table("validation.jsonl", "cba")
    recoded = check_validation_table(train, table("some.jsonl", "cc"))
    assert recoded.targets().tolist() == [2, 2]
    assert check_validation_table(train, validation).targets().tolist() == [2, 1, 0]
    with pytest.raises(DataError, match=r"bad.jsonl:2: label: 'd' is not among the 3"):
        check_validation_table(train, table("bad.jsonl", "ad"))


def test_what_is_written_is_read_back(tmp_path: Path, class_folders: Path) -> None:
    table = read_image_table(class_folders)
    rows = [(table.location(row), table.label(row)) for row in range(len(table))]
    write_jsonl(tmp_path / "table" / "rows.jsonl", rows)
    write_mltable(tmp_path / "table", "rows.jsonl")
    again = read_image_table(tmp_path / "table")
    assert again.targets().tolist() == table.targets().tolist()
    assert [Path(p).resolve() for p in again.locations()] == [Path(p) for p in table.locations()]
