"""Every shell sample, as its reader runs it: on real photos, with a small checkpoint."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from sample_runs import ROOT, check_nothing_serves, check_picture, run_and_say

from tintype.models.catalog import find_card
from tintype.schemas.batch_deployment import load_batch_deployment
from tintype.schemas.batch_endpoint import load_batch_endpoint
from tintype.schemas.job import load_job
from tintype.schemas.online_deployment import load_online_deployment
from tintype.schemas.online_endpoint import load_online_endpoint

CLI = ROOT / "samples" / "cli"
SCRIPTS = sorted(path.parent.name for path in CLI.glob("*/run.sh"))
README = (ROOT / "samples" / "README.md").read_text("utf-8")
COMMANDS = re.findall(r"^samples/cli/(\S+)/run\.sh(?: --model (\S+))?(.*)$", README, re.MULTILINE)

TWO_EPOCHS = ("--set", "hyperparameters.number_of_epochs=2")
HEAD = ("--set", "hyperparameters.method=head")
TWO_TRIALS = ("--set", "limits.max_trials=2", "--set", "limits.timeout_minutes=1")
slow = pytest.mark.slow


def sample(name: str, family: str, *options: str, marks: object = slow) -> object:
    """A script, the family of its checkpoint, and its options."""
    return pytest.param(
        name, family, options, id=f"{name}-{family}", marks=() if marks is None else marks
    )


@pytest.mark.parametrize(
    ("name", "checkpoint", "options"),
    [
        sample("image-classification-online", "beit", marks=None),
        sample("image-classification-batch", "vit"),
        sample("zero-shot-online", "clip"),
        sample("zero-shot-batch", "clip"),
        sample("embeddings-online", "dinov2"),
        sample("embeddings-batch", "clip"),
        sample("finetune-multiclass", "beit", *TWO_EPOCHS),
        sample("finetune-multiclass", "clip", *HEAD, *TWO_EPOCHS),
        sample("finetune-multilabel", "dinov2", *HEAD, *TWO_EPOCHS),
        sample("evaluate-multiclass", "vit"),
        sample("evaluate-multiclass", "clip", "--as-is"),
        sample("evaluate-multilabel", "dinov2"),
        sample("automl-multiclass", "vit", *TWO_TRIALS),
        sample("automl-multilabel", "beit", *TWO_TRIALS),
    ],
    indirect=["checkpoint"],
)
@pytest.mark.usefixtures("ended_daemon")
def test_a_script_ends_with_its_picture(
    name: str,
    checkpoint: Path,
    options: tuple[str, ...],
    clothes: Path,
    cards: Path,
    tmp_path: Path,
) -> None:
    data = cards if "multilabel" in name else clothes
    # A folder beside the script would be found by mistake.
    output = tmp_path / "out of the way"
    said = run_and_say(
        "bash", CLI / name / "run.sh", "--model", checkpoint, "--data", data, "--output", output,
        *options,
    )  # fmt: skip
    assert str(output / "picture.png") in said.stdout
    check_picture(output / "picture.png", photos=6)
    check_nothing_serves()
    if (output / "answer.json").exists():
        answer = json.loads((output / "answer.json").read_text("utf-8"))
        photos = (output / "photos.txt").read_text("utf-8").splitlines()
        assert len(answer) == len(photos) >= 6
        assert all(str(data / "test") in photo for photo in photos), "not of the training photos"


@pytest.mark.slow
@pytest.mark.usefixtures("ended_daemon")
def test_a_script_that_fails_leaves_nothing_behind(clothes: Path, tmp_path: Path) -> None:
    name = "image-classification-online"
    failed = run_and_say(
        "bash", CLI / name / "run.sh", "--model", "no/such-model", "--data", clothes,
        "--output", tmp_path, code=2,
    )  # fmt: skip
    assert "no/such-model" in failed.stderr
    assert not (tmp_path / "picture.png").exists()
    check_nothing_serves()


def test_the_scripts_are_those_of_the_notebooks() -> None:
    notebooks = (ROOT / "samples" / "notebooks").glob("*.ipynb")
    assert sorted(path.stem for path in notebooks) == SCRIPTS


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_documents_of_a_script_are_valid(name: str) -> None:
    online = "batch" not in name
    for path in sorted((CLI / name).glob("*.yml")):
        if path.name == "endpoint.yml":
            endpoint = load_online_endpoint(path) if online else load_batch_endpoint(path)
            assert endpoint.notices() == []
        elif path.name == "deployment.yml":
            deployment = load_online_deployment(path) if online else load_batch_deployment(path)
            assert deployment.notices() == []
        else:
            assert load_job(path).experiment_name == name


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_says_what_is_wrong_before_it_starts(name: str, tmp_path: Path) -> None:
    script = CLI / name / "run.sh"
    unknown = run_and_say("bash", script, "--modle", "x", code=2)
    assert f"{name}: unknown option --modle" in unknown.stderr
    without = run_and_say("bash", script, "--model", code=2)
    assert f"{name}: --model needs a value" in without.stderr
    missing = run_and_say("bash", script, "--data", tmp_path / "none", code=2)
    assert "no such folder" in missing.stderr


def test_the_page_has_every_sample_and_its_models_are_in_the_catalog() -> None:
    assert {name for name, _, _ in COMMANDS} == set(SCRIPTS)
    for _, model, options in COMMANDS:
        assert not model or find_card(model) is not None, model
        assert re.fullmatch(r"(?: --as-is| --set hyperparameters\.method=head)?", options)
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / "samples" / target).exists(), target


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_published_model_of_a_script_is_in_the_catalog(name: str) -> None:
    (model,) = re.findall(r"^MODEL=(.*)$", (CLI / name / "run.sh").read_text("utf-8"), re.MULTILINE)
    assert name.startswith("automl") if not model else find_card(model) is not None
