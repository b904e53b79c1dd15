from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from embeddings import embeddings, write_part, write_run
from pyarrow import parquet

from tintype.errors import DataError, MissingExtraError, OutputError, UsageError
from tintype.similarity import EmbeddingTable, SimilarityIndex, neighbours_of_rows, open_index

KEPT: dict[str, Any] = {"exact_rows": 0}
EXACT: dict[str, Any] = {}
BOTH = pytest.mark.parametrize("options", [EXACT, KEPT], ids=["exact", "kept"])


def opened(path: Path, **options: Any) -> tuple[EmbeddingTable, SimilarityIndex]:
    table = EmbeddingTable.open(path)
    return table, open_index(table, **options)


def nearest(features: np.ndarray, query: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """By the definition, in float64."""
    lengths = np.linalg.norm(features.astype(float), axis=1) * np.linalg.norm(query.astype(float))
    cosines = features.astype(float) @ query.astype(float) / lengths
    order = np.argsort(-cosines, kind="stable")[:count]
    return order, cosines[order]


@BOTH
def test_neighbours_are_those_of_brute_force(tmp_path: Path, options: dict[str, Any]) -> None:
    features = embeddings(700, 24)
    _, index = opened(write_run(tmp_path / "run", features, parts=3, row_group=100), **options)
    queries = embeddings(5, 24, seed=1) * 1e6
    for query, found in zip(queries, index.neighbours(queries, 10), strict=True):
        rows, cosines = nearest(features, query, 10)
        assert found.rows.tolist() == rows.tolist()
        assert found.rows.dtype == np.int64
        np.testing.assert_allclose(found.cosines, cosines, atol=2e-6)


def test_bf16_is_close_and_smaller(tmp_path: Path) -> None:
    features = embeddings(700, 256)
    run = write_run(tmp_path / "run", features)
    sizes, found = [], []
    for precision in ("f32", "bf16"):
        _, index = opened(run, precision=precision, **KEPT)
        nearest = index.neighbours(features[:1], 5)[0]
        found.append(dict(zip(nearest.rows.tolist(), nearest.cosines.tolist(), strict=True)))
        sizes.append((run / "similar.usearch").stat().st_size)
    # Either search may miss a neighbour; of those that both find they say the same.
    both = found[0].keys() & found[1].keys()
    assert len(both) >= 3
    for row in both:
        assert found[0][row] == pytest.approx(found[1][row], abs=2e-3)
    assert sizes[1] < 0.7 * sizes[0]


@BOTH
def test_a_row_is_no_neighbour_of_itself(tmp_path: Path, options: dict[str, Any]) -> None:
    features = embeddings(50, 8)
    features[[10, 20, 30]] = features[40] * np.array([[1], [2], [3]])
    table, index = opened(write_run(tmp_path / "run", features, parts=2), **options)
    first, second = neighbours_of_rows(table, index, np.array([40, 10]), 4)
    assert first.rows[:3].tolist() == [10, 20, 30]
    assert second.rows[:3].tolist() == [20, 30, 40]
    assert first.cosines[:3].tolist() == [1, 1, 1]
    assert len(first.rows) == len(second.rows) == 4


@BOTH
def test_fewer_rows_than_asked_for(tmp_path: Path, options: dict[str, Any]) -> None:
    features = embeddings(3, 8)
    _, index = opened(write_run(tmp_path / "run", features), **options)
    for queries in (features[:1], features):
        for query, found in zip(queries, index.neighbours(queries, 10), strict=True):
            assert found.rows.tolist() == nearest(features, query, 3)[0].tolist()


@BOTH
def test_rows_without_features_are_left_out(tmp_path: Path, options: dict[str, Any]) -> None:
    features = embeddings(40, 8)
    lost = {3, 17}
    features[5] = 0
    features[6, 2] = np.nan
    features[7, 1] = np.inf
    table, index = opened(write_run(tmp_path / "run", features, lost=lost, parts=2), **options)
    found = index.neighbours(embeddings(1, 8, seed=1), 100)[0]
    assert sorted(found.rows.tolist()) == sorted(set(range(40)) - lost - {5, 6, 7})
    with pytest.raises(UsageError, match=r"row 17 \(17\.png\).*not an image"):
        table.features_at(np.array([1, 17]))
    with pytest.raises(UsageError, match=r"row 5 .*all zeros"):
        table.features_at(np.array([5]))
    assert index.near_duplicates(0.9999) == []


@BOTH
def test_nothing_to_find(tmp_path: Path, options: dict[str, Any]) -> None:
    run = write_run(tmp_path / "run", np.zeros((2, 4), np.float32))
    _, index = opened(run, **options)
    assert index.neighbours(embeddings(2, 4), 3)[1].rows.tolist() == []
    assert index.near_duplicates(0.5) == []


@BOTH
def test_planted_copies_are_found(tmp_path: Path, options: dict[str, Any]) -> None:
    features = embeddings(900, 32)
    random = np.random.default_rng(2)
    for row, source in ((800, 5), (801, 5), (100, 7), (450, 449)):
        features[row] = 3 * features[source] + random.normal(0, 0.1, 32)
    _, index = opened(write_run(tmp_path / "run", features, parts=3), **options)
    groups = index.near_duplicates(0.95)
    assert [group.rows.tolist() for group in groups] == [[5, 800, 801], [7, 100], [449, 450]]
    for group in groups:
        own = features[group.rows].astype(float)
        own /= np.linalg.norm(own, axis=1, keepdims=True)
        cosines = own @ own.T - 2 * np.eye(len(own))
        np.testing.assert_allclose(group.cosines, cosines.max(1), atol=2e-6)


@BOTH
def test_a_chain_is_one_group(tmp_path: Path, options: dict[str, Any]) -> None:
    angles = np.array([0.0, 10, 20, 30, 120, 200]) * np.pi / 180
    features = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    _, index = opened(write_run(tmp_path / "run", features), **options)
    groups = index.near_duplicates(float(np.cos(11 * np.pi / 180)))
    assert [group.rows.tolist() for group in groups] == [[0, 1, 2, 3]]


@BOTH
def test_a_crowd_of_equal_pictures_is_one_group(tmp_path: Path, options: dict[str, Any]) -> None:
    features = embeddings(600, 16)
    features[::2] = features[0]
    _, index = opened(write_run(tmp_path / "run", features, parts=2), **options)
    groups = index.near_duplicates(1.0)
    assert [group.rows.tolist() for group in groups] == [list(range(0, 600, 2))]


def test_the_kept_index_is_used_until_the_data_change(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", embeddings(60, 8), parts=2)
    opened(run, **KEPT)
    kept = run / "similar.usearch"
    first = kept.stat().st_mtime_ns
    for path in (run, run / "predictions"):
        opened(path, **KEPT)
        assert kept.stat().st_mtime_ns == first
    features = embeddings(30, 8, seed=5)
    write_part(run / "predictions" / "part-00001.parquet", features, first=30)
    _, index = opened(run, **KEPT)
    assert kept.stat().st_mtime_ns != first
    assert index.neighbours(features[:1], 1)[0].rows.tolist() == [30]
    assert sorted(path.name for path in run.iterdir()) == [
        "predictions",
        "similar.json",
        "similar.usearch",
        "summary.json",
    ]


def test_another_precision_or_a_damaged_index_is_built_anew(tmp_path: Path) -> None:
    features = embeddings(60, 8)
    run = write_run(tmp_path / "run", features)
    opened(run, **KEPT)
    kept, note = run / "similar.usearch", run / "similar.json"
    opened(run, precision="bf16", **KEPT)
    assert json.loads(note.read_text())["precision"] == "bf16"
    for damage in (b"", b"no index", kept.read_bytes()[:-100]):
        kept.write_bytes(damage)
        # As if the note had been written for it.
        told = json.loads(note.read_text())
        status = kept.stat()
        note.write_text(json.dumps({**told, "index": [status.st_size, status.st_mtime_ns]}))
        _, index = opened(run, precision="bf16", **KEPT)
        assert index.neighbours(features[4:5], 1)[0].rows.tolist() == [4]
    for text in ("", "[]", "{"):
        note.write_text(text)
        opened(run, **KEPT)


def test_one_file_is_a_table_of_its_own(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", embeddings(60, 8), parts=2)
    file = run / "predictions" / "part-00001.parquet"
    table, _ = opened(file, **KEPT)
    assert table.rows == 30
    assert (run / "predictions" / "part-00001.parquet.similar.usearch").is_file()


def test_rows_are_named_in_the_order_asked_for(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", embeddings(50, 4), parts=3, row_group=7, lost={9})
    table = EmbeddingTable.open(run)
    rows = table.rows_at(np.array([49, 0, 9, 49]))
    assert [row.row for row in rows] == [49, 0, 9, 49]
    assert [row.file_name for row in rows] == ["49.png", "0.png", "9.png", "49.png"]
    assert rows[2].error == "not an image"
    features = embeddings(50, 4)[[49, 0, 49]]
    expected = features / np.linalg.norm(features, axis=1, keepdims=True)
    np.testing.assert_allclose(table.features_at(np.array([49, 0, 49])), expected, atol=1e-6)
    for row in (-1, 50):
        with pytest.raises(UsageError, match=f"no row {row}: .* has 50 rows"):
            table.rows_at(np.array([row]))


def test_queries_of_another_model_are_refused(tmp_path: Path) -> None:
    _, index = opened(write_run(tmp_path / "run", embeddings(5, 8)))
    with pytest.raises(UsageError, match="9 numbers among features of 8"):
        index.neighbours(embeddings(1, 9), 1)
    with pytest.raises(UsageError, match="all zeros"):
        index.neighbours(np.zeros((1, 8), np.float32), 1)


def test_what_holds_no_embeddings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file or folder"):
        EmbeddingTable.open(tmp_path / "absent")
    with pytest.raises(UsageError, match=r"no \.parquet files"):
        EmbeddingTable.open(tmp_path)
    file = tmp_path / "part-00000.parquet"
    parquet.write_table(pyarrow.table({"probs": [[0.1, 0.9]], "file_name": ["a"]}), file)
    with pytest.raises(UsageError, match=r"no column 'features'.*batch --task embeddings"):
        EmbeddingTable.open(tmp_path)
    parquet.write_table(pyarrow.table({"features": [[0.1, 0.9]]}), file)
    with pytest.raises(UsageError, match="expected lists of float32"):
        EmbeddingTable.open(tmp_path)
    write_part(file, embeddings(5, 8))
    parquet.write_table(parquet.read_table(file).drop_columns(["image"]), file)
    with pytest.raises(UsageError, match="no column 'image'"):
        EmbeddingTable.open(tmp_path)
    for damage in (b"", b"PAR1 no parquet PAR1"):
        file.write_bytes(damage)
        with pytest.raises(DataError, match="cannot be read as Parquet"):
            EmbeddingTable.open(tmp_path)
    write_part(file, embeddings(5, 8))
    write_part(tmp_path / "part-00001.parquet", embeddings(5, 9))
    with pytest.raises(UsageError, match="different models"):
        EmbeddingTable.open(tmp_path)


def test_lists_of_any_size_do_where_they_are_equal(tmp_path: Path) -> None:
    features = embeddings(9, 8)
    run = write_run(tmp_path / "run", features, lost={0, 4})
    file = run / "predictions" / "part-00000.parquet"
    rows = [None if row in (0, 4) else features[row].tolist() for row in range(9)]
    plain = pyarrow.list_(pyarrow.float32())

    def write(values: list[Any]) -> None:
        write_part(file, features)
        table = parquet.read_table(file)
        place = table.schema.get_field_index("features")
        parquet.write_table(table.set_column(place, "features", pyarrow.array(values, plain)), file)

    write(rows)
    _, index = opened(run)
    assert index.neighbours(features[5:6], 1)[0].rows.tolist() == [5]
    rows[3] = rows[3][:5]
    write(rows)
    with pytest.raises(UsageError, match=r"row 3 .* has not 8 features"):
        opened(run)


def test_damage_behind_the_footer_is_told(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", embeddings(500, 8))
    file = run / "predictions" / "part-00000.parquet"
    content = bytearray(file.read_bytes())
    content[4 : len(content) // 2] = b"\xff" * (len(content) // 2 - 4)
    file.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        opened(run)


def test_without_usearch_small_tables_work_and_large_ones_say_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    monkeypatch.setitem(sys.modules, "usearch", None)
    run = write_run(tmp_path / "run", embeddings(5, 8))
    opened(run)
    with pytest.raises(MissingExtraError, match=r"tintype\[similar\]"):
        opened(run, **KEPT)


def test_a_folder_that_cannot_be_written_is_told_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_run(tmp_path / "run", embeddings(5, 8))

    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tintype.similarity.index.tempfile.mkstemp", refuse)
    monkeypatch.setattr(EmbeddingTable, "blocks", lambda *_: pytest.fail("read the data"))
    with pytest.raises(OutputError, match=r"similar\.usearch: Permission denied"):
        opened(run, **KEPT)
