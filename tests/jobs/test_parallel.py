"""Nodes of type `parallel`: an entry script over mini-batches of files, or of the rows of a table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from in_process import Context

from tintype.errors import DocumentError, UsageError
from tintype.jobs.execution import execute_run
from tintype.jobs.mini_batches import MiniBatch, mini_batches
from tintype.jobs.run import Run
from tintype.jobs.submit import submit_job
from tintype.schemas.job import load_job

pytestmark = pytest.mark.usefixtures("no_workers")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "start").mkdir()
    (tmp_path / "start" / "n").write_text("1")
    return tmp_path


def submitted(folder: Path, text: str) -> Run:
    (folder / "job.yml").write_text(text)
    return Run(submit_job(load_job(folder / "job.yml")).name)


SCRIPT_OF_BATCHES = """
import argparse, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--word")
word = None

def init():
    global word
    word = parser.parse_args().word

def run(files):
    if any(path.endswith("bad") for path in files):
        raise ValueError("a bad file")
    return [f"{pathlib.Path(path).name} {word}" for path in files]
"""


def test_it_runs_a_script_over_files(folder: Path) -> None:
    (folder / "src" / "score.py").write_text(SCRIPT_OF_BATCHES)
    for number in range(7):
        (folder / "start" / f"f{number}").write_text("x")
    (folder / "score.yml").write_text(
        "name: score\ntype: parallel\n"
        "inputs: {data: {type: uri_folder}, word: {type: string}}\n"
        "outputs: {rows: {type: uri_file}}\n"
        "input_data: ${{inputs.data}}\nmini_batch_size: '3'\nerror_threshold: ALLOWED\n"
        "task:\n  type: run_function\n  code: ./src\n  entry_script: score.py\n"
        "  program_arguments: --word ${{inputs.word}}\n  append_row_to: ${{outputs.rows}}\n"
    )
    written = (folder / "score.yml").read_text()
    (folder / "score.yml").write_text(written.replace("ALLOWED", "-1"))
    text = """
type: pipeline
jobs:
  score:
    type: parallel
    component: ./score.yml
    retry_settings: {max_retries: 0}
    inputs: {data: {type: uri_folder, path: ./start}, word: "it's one"}
"""
    run = submitted(folder, text)
    assert execute_run(run, Context()).status == "Completed", run.state.error
    rows = (run.sibling(f"{run.name}-score").named_outputs / "rows").read_text().splitlines()
    assert rows == [*(f"f{number} it's one" for number in range(7)), "n it's one"]
    (folder / "start" / "bad").write_text("x")
    (folder / "score.yml").write_text(written.replace("ALLOWED", "0"))
    failing = submitted(folder, text)
    outcome = execute_run(failing, Context())
    assert outcome.status == "Failed"
    assert "error_threshold allows 0; the last reason: ValueError: a bad file" in str(outcome.error)
    (folder / "score.yml").write_text(written.replace("ALLOWED", "many"))
    with pytest.raises(DocumentError, match=r"error_threshold: 'many' given"):
        submitted(folder, text)


SCRIPT_OF_ROWS = """
import os, sys, time

def init():
    assert sys.argv[1:] == ["--out", os.environ["AZURE_ML_OUTPUT_models"]]

def run(rows):
    if "slow" in set(rows["kind"]):
        time.sleep(60)
    [kind] = set(rows["kind"])
    if kind == "bad":
        raise ValueError("a bad kind")
    return rows.groupby("kind")[["n"]].sum().reset_index()
"""

ROWS = """
type: pipeline
jobs:
  prepare:
    type: command
    command: cp -r ${{inputs.data}}/. ${{outputs.table}}
    inputs: {data: {type: uri_folder, path: ./table}}
    outputs: {table: {type: mltable, mode: rw_mount}}
  score:
    type: parallel
    inputs:
      data_source: {type: mltable, path: "${{parent.jobs.prepare.outputs.table}}", mode: direct}
    outputs:
      models: {type: uri_folder}
      rows: {type: uri_file}
    partition_keys: [kind]
    input_data: ${{inputs.data_source}}
    error_threshold: -1
    mini_batch_error_threshold: 1
    max_concurrency_per_instance: 2
    retry_settings: {max_retries: 0, timeout: 20}
    resources: {instance_count: 2}
    environment_variables: {"EXAMPLE": "1a"}
    task:
      type: run_function
      code: ./src
      entry_script: rows.py
      environment: {image: mcr.microsoft.com/azureml/some:1, conda_file: ./conda.yml}
      program_arguments: >-
        --out ${{outputs.models}}
      append_row_to: ${{outputs.rows}}
"""


def table(folder: Path, kinds: str) -> None:
    (folder / "table").mkdir(exist_ok=True)
    lines = "".join(f"{kind};{number}\n" for number, kind in enumerate(kinds.split()))
    (folder / "table" / "rows.csv").write_text(f"kind;n\n{lines}")
    (folder / "table" / "MLTable").write_text(
        "type: mltable\npaths:\n  - pattern: ./*.csv\n"
        "transformations:\n  - read_delimited: {delimiter: ';', encoding: utf8}\n"
    )


def test_rows_with_the_same_keys_are_one_mini_batch(folder: Path) -> None:
    (folder / "src" / "rows.py").write_text(SCRIPT_OF_ROWS)
    table(folder, "a b a c bad b")
    run = submitted(folder, ROWS)
    assert execute_run(run, Context()).status == "Completed", run.state.error
    score = run.sibling(f"{run.name}-score")
    assert (score.named_outputs / "rows").read_text() == "a 2\nb 6\nc 3\n"
    assert "5 of 6 rows in 4 mini-batches" in score.log.read_text()


def test_one_that_takes_too_long_is_ended_and_too_many_end_the_node(folder: Path) -> None:
    (folder / "src" / "rows.py").write_text(SCRIPT_OF_ROWS)
    table(folder, "a slow bad")
    run = submitted(folder, ROWS.replace("timeout: 20", "timeout: 5"))
    error = str(execute_run(run, Context()).error)
    assert "2 mini-batches failed, mini_batch_error_threshold allows 1; the last reason: " in error
    assert "it took longer than its 5 seconds" in run.sibling(f"{run.name}-score").log.read_text()


def split(folder: Path, size: str | None, keys: tuple[str, ...] = ()) -> list[MiniBatch]:
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    return mini_batches(folder / "table", size, keys, scratch)


def test_sizes_are_files_of_folders_and_bytes_of_tables(folder: Path) -> None:
    table(folder, "a b " * 400)
    whole = (folder / "table" / "rows.csv").stat().st_size
    parts = split(folder, f"{whole // 4 + 8}b")
    assert [part.items for part in parts] == [201, 201, 201, 197]
    rows = pd.concat([pd.read_parquet(part.files[0]) for part in parts])
    assert rows["n"].tolist() == list(range(800))
    assert len(split(folder, None)) == 1
    (folder / "table" / "MLTable").write_text("paths:\n  - folder: ./more\n")
    (folder / "table" / "more").mkdir()
    for number in range(5):
        (folder / "table" / "more" / str(number)).write_text("")
    assert [part.items for part in split(folder, "2")] == [2, 2, 1]
    assert len(split(folder, None)) == 5
    with pytest.raises(UsageError, match="holds files; say how many"):
        split(folder, "10kb")


def test_columns_may_stand_in_the_paths_of_a_table(folder: Path) -> None:
    for store, brand in (("1", "x"), ("2", "x"), ("2", "y")):
        place = folder / "table" / store / brand
        place.mkdir(parents=True)
        pd.DataFrame({"n": [1, 2]}).to_parquet(place / "part.parquet")
    (folder / "table" / "MLTable").write_text(
        "paths:\n  - pattern: ./**/*.parquet\ntransformations:\n  - read_parquet\n"
        "  - extract_columns_from_partition_format: '{Store}/{Brand}/*.parquet'\n"
    )
    parts = split(folder, None, ("Store",))
    assert [part.items for part in parts] == [2, 4]
    assert pd.read_parquet(parts[1].files[0])["Brand"].tolist() == ["x", "x", "y", "y"]
    with pytest.raises(UsageError, match="no column 'Shop'; columns are n, Store, Brand"):
        split(folder, None, ("Shop",))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "read_delimited",
            "read_delta_lake",
            r"MLTable:5: transformations.0.read_delta_lake: not read",
        ),
        ("pattern", "glob", r"MLTable:3: paths.0: expected one of file, folder or pattern"),
        ("*.csv", "*.tsv", "table holds nothing"),
        ("utf8}", "utf-16}", r"MLTable:5: transformations.0.read_delimited: .*rows.csv: "),
    ],
)
def test_a_table_that_cannot_be_read(folder: Path, old: str, new: str, told: str) -> None:
    table(folder, "a b")
    path = folder / "table" / "MLTable"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(UsageError, match=told):
        split(folder, None)
