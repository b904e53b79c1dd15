"""A challenger held against the champion: by command, as a job, and as what a pipeline waits for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from checkpoints import write_checkpoint
from conftest import Command
from in_process import Context
from pictures import encoded, striped, write_class_folders

import tintype
from tintype.data import read_image_table
from tintype.errors import UsageError
from tintype.jobs.comparison import compare_models
from tintype.jobs.execution import execute_run
from tintype.jobs.run import Run
from tintype.jobs.submit import submit_job
from tintype.models.checkpoint import resolve_checkpoint
from tintype.models.model_folder import write_checkpoint_folder
from tintype.schemas.document import Document
from tintype.schemas.finetuning import FinetuningParameters
from tintype.schemas.job import parse_job
from tintype.workspace.model_aliases import set_alias
from tintype.workspace.registry import get_model, list_models, register_model


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """`guesses` has random weights; `knows` was trained on these stripes."""
    root = tmp_path_factory.mktemp("models")
    source = write_checkpoint(root / "vit", labels=("level", "upright"))
    guesses = write_checkpoint_folder(
        root / "guesses",
        resolve_checkpoint(str(source)),
        task="image_classification",
        classes=("level", "upright"),
        card={},
    ).path
    found = tintype.finetune(
        checkpoint=str(source),
        train=read_image_table(write_class_folders(root / "train", per_class=24)),
        task="image_classification",
        parameters=FinetuningParameters(
            method="head",
            number_of_epochs=60,
            evaluation_frequency=20,
            random_seed=3,
            training_batch_size=8,
        ),
        output_folder=root / "run",
    )
    return {"guesses": guesses, "knows": found.model_folder}


@pytest.fixture
def held_out(tmp_path: Path) -> Path:
    for kind, name in enumerate(("upright", "level")):
        (tmp_path / "held-out" / name).mkdir(parents=True)
        for seed in range(100, 120):
            path = tmp_path / "held-out" / name / f"{seed}.png"
            path.write_bytes(encoded(striped(kind, seed)))
    return tmp_path / "held-out"


def test_the_better_one_becomes_the_champion(
    models: dict[str, Path], held_out: Path, command: Command
) -> None:
    for name in ("guesses", "knows"):
        register_model("stripes", models[name], version=name)
    set_alias("stripes", "champion", version="guesses")
    given = ("model", "compare", "stripes@champion", "stripes:knows", "--data", held_out)
    # The number of a version is a name without prefix.
    assert "stripes:knows" in command(*given, code=2)
    given = (*given[:3], "azureml:stripes:knows", *given[4:])
    said = command(*given, "--promote", "champion", "--gate")
    assert said["verdict"] == "challenger is better"
    assert said["promoted"] == "champion"
    assert said["comparison"]["challenger"] > said["comparison"]["champion"]
    assert get_model("stripes", label="champion").version == "knows"
    # The other way round, the gate stays shut and the alias where it is.
    given = ("model", "compare", "stripes@champion", "azureml:stripes:guesses", "--data", held_out)
    result = command(*given, "--promote", "champion")
    assert (result["verdict"], result["promoted"]) == ("challenger is not better", None)
    command(*given, "--gate", code=1)
    assert get_model("stripes", label="champion").version == "knows"


def test_the_first_is_registered_without_a_champion(
    models: dict[str, Path], held_out: Path, tmp_path: Path
) -> None:
    options = {"register_as": "stripes", "promote": "champion"}
    first = compare_models("stripes@champion", models["guesses"], held_out, **options)
    assert (first.verdict, first.registered) == ("there is no champion yet", "azureml:stripes:1")
    second = compare_models(
        "stripes@champion", models["knows"], held_out, output=tmp_path / "out", **options
    )
    assert (second.champion, second.registered) == ("azureml:stripes:1", "azureml:stripes:2")
    written = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert written["verdict"] == "challenger is better"
    # The same again is no better, and no third version.
    third = compare_models("stripes@champion", models["knows"], held_out, **options)
    assert (third.verdict, third.registered) == ("cannot be told", None)
    assert [model.version for model in list_models("stripes")] == ["2", "1"]
    with pytest.raises(UsageError, match="no alias 'winner'"):
        compare_models("stripes@winner", models["knows"], held_out)


def test_what_one_has_not_learned_it_has_wrong(
    models: dict[str, Path], held_out: Path, tmp_path: Path
) -> None:
    (held_out / "checks").mkdir()
    for seed in range(8):
        path = held_out / "checks" / f"{seed}.png"
        path.write_bytes(encoded(striped(2, seed)))
    wider = write_checkpoint_folder(
        tmp_path / "wider",
        resolve_checkpoint(
            str(write_checkpoint(tmp_path / "three", labels=("checks", "upright", "level")))
        ),
        task="image_classification",
        classes=("checks", "upright", "level"),
        card={},
    ).path
    found = compare_models(models["knows"], wider, held_out, metric="recall_score_macro").found
    assert found is not None
    # Two of three classes at best.
    assert found.champion <= 2 / 3 + 1e-9
    neither = compare_models(models["knows"], models["guesses"], held_out)
    assert neither.notices == ("neither model knows checks: both have these wrong",)


def test_a_pipeline_stops_at_the_gate(
    models: dict[str, Path], held_out: Path, no_workers: None, tmp_path: Path
) -> None:
    node = {"type": "comparison", "test_data": {"path": str(held_out)}, "gate": True}
    content = {
        "type": "pipeline",
        "jobs": {
            "compare": {
                **node,
                "champion": str(models["knows"]),
                "challenger": str(models["guesses"]),
            },
            "deploy": {
                "type": "command",
                "command": "cat ${{inputs.compared}}/comparison.json",
                "inputs": {"compared": "${{parent.jobs.compare.outputs.comparison_result}}"},
            },
        },
    }
    run = Run(submit_job(parse_job(Document(content), tmp_path)).name)
    outcome = execute_run(run, Context())
    assert outcome.status == "Failed"
    assert "gate: challenger is not better: accuracy" in str(outcome.error)
    assert not run.sibling(f"{run.name}-deploy").exists
    compared = run.sibling(f"{run.name}-compare")
    assert (compared.outputs / "comparison" / "comparison.json").is_file()
    jobs = content["jobs"]
    assert isinstance(jobs, dict)
    models_ = {"champion": str(models["guesses"]), "challenger": str(models["knows"])}
    jobs["compare"] |= models_
    run = Run(submit_job(parse_job(Document(content), tmp_path)).name)
    assert execute_run(run, Context()).status == "Completed", run.state.error
    assert run.sibling(f"{run.name}-compare").state.metrics["difference"] > 0.2


def test_what_cannot_be_compared(models: dict[str, Path], held_out: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no registered model; say register_as"):
        compare_models(models["knows"], models["guesses"], held_out, promote="champion")
    with pytest.raises(UsageError, match="alias 'latest'"):
        compare_models(models["knows"], models["knows"], held_out, promote="latest")
    with pytest.raises(UsageError, match="metric 'acuracy' is not known"):
        compare_models(models["knows"], models["knows"], held_out, metric="acuracy")
    with pytest.raises(UsageError, match="not one number"):
        compare_models(models["knows"], models["knows"], held_out, metric="confusion_matrix")
    shutil.rmtree(held_out / "level")
    for path in held_out.rglob("*.png"):
        path.write_bytes(b"no picture")
    with pytest.raises(UsageError, match="can be read"):
        compare_models(models["knows"], models["guesses"], held_out)
