from __future__ import annotations

from pathlib import Path

import pytest

from tintype.errors import DocumentError, UsageError
from tintype.schemas.document import apply_overrides, read_yaml
from tintype.schemas.finetuning import FinetuningParameters
from tintype.schemas.job import load_job

JOB = """
$schema: https://example.com/schema.json
type: finetuning
task: image-classification
model_name: google/vit-base-patch16-224
compute: azureml:gpu-cluster
training_data: {path: data, type: mltable}
hyperparameters:
  learning_rate: 5e-5
  number_of_epochs: 3
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "job.yml"
    path.write_text(text)
    return path


def test_a_job(tmp_path: Path) -> None:
    job = load_job(write(tmp_path, JOB))
    assert job.task == "image_classification"
    assert job.hyperparameters.learning_rate == 5e-5
    assert job.training_data.path == str(tmp_path / "data")
    assert job.notices() == ["compute has no effect here"]


def test_overrides(tmp_path: Path) -> None:
    job = load_job(
        write(tmp_path, JOB),
        ["hyperparameters.learning_rate=0.001", "name=x", "tags.a=b", "training_data.path=c"],
    )
    assert job.hyperparameters.learning_rate == 0.001
    assert (job.name, job.tags) == ("x", {"a": "b"})
    assert job.training_data.path == str(tmp_path / "c")
    for wrong in ("novalue", "=x", "task.deeper=1"):
        with pytest.raises(UsageError):
            apply_overrides(read_yaml(tmp_path / "job.yml"), [wrong])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            JOB + "  learning_rte: 1\n",
            r"job.yml:11: hyperparameters.learning_rte: unknown key. Did you mean 'learning_rate'",
        ),
        (
            JOB + "number_of_epochs: 7\n",
            r"job.yml:11: number_of_epochs: unknown key here. It belongs under hyperparameters: "
            r"hyperparameters.number_of_epochs$",
        ),
        (
            JOB + "  label_column_name: species\n",
            r"job.yml:11: hyperparameters.label_column_name: unknown key here. It belongs at the top: "
            r"label_column_name$",
        ),
        (
            JOB.replace("number_of_epochs: 3", "number_of_epochs: many"),
            r"job.yml:10: hyperparameters.number_of_epochs: 'many' given; expected",
        ),
        (
            JOB.replace("number_of_epochs: 3", "number_of_epochs: 0"),
            r"job.yml:10: .*greater than or equal to 1",
        ),
        (
            JOB.replace("task: image-classification", "task: image-clasification"),
            r"job.yml:4: task: .*expected 'image_classification'",
        ),
        (
            JOB.replace("model_name: google/vit-base-patch16-224\n", ""),
            "model.*is required and missing",
        ),
        (
            JOB.replace("type: finetuning", "type: autoML"),
            r"job.yml:3: type: 'autoML' is not a kind",
        ),
        (JOB + "  metric_for_best_model: iou\n", "for image_classification_multilabel"),
        (JOB + "  evaluation_strategy: steps\n", "must be equal"),
        (JOB + "  optimizer: adamw_ort_fused\n", "needs apply_ort"),
        (JOB + "  augmentations: {horizontal_flop: true}\n", "Did you mean 'horizontal_flip'"),
        (JOB + "task: image_classification\n", "the key stands twice"),
        ("- a\n- b\n", "found a list"),
        ("", "found nothing"),
        ("a: [1, 2\n", r"job.yml:2: not valid YAML"),
        ("a:\n\t- 1\n", "not valid YAML"),
        ("a: &x [1]\nb: *x\n", r"job.yml:2: the alias \*x is refused"),
        ("\0\0\1", "not valid YAML"),
        ("a: 2024-13-45\n", "not valid YAML: month must be"),
        (f"a: {'9' * 5000}\n", "not valid YAML: .*digits"),
        ("a: !!python/object/apply:os.system [ls]\n", "not valid YAML"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DocumentError, match=message) as caught:
        load_job(write(tmp_path, text))
    assert "pydantic" not in str(caught.value)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = JOB.replace("number_of_epochs: 3", "number_of_epochs: x") + "  precison: 16\nextra: 1\n"
    with pytest.raises(DocumentError) as caught:
        load_job(write(tmp_path, text))
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0].rsplit(":", 1)[1] for line in lines] == ["10", "11", "12"]


def test_files_that_are_no_documents(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="no such file"):
        load_job(tmp_path / "missing.yml")
    with pytest.raises(DocumentError, match="is a folder"):
        load_job(tmp_path)
    (tmp_path / "binary.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DocumentError, match="UTF-8"):
        load_job(tmp_path / "binary.yml")


def test_aliases_cannot_blow_up_memory(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(DocumentError, match="alias"):
        read_yaml(write(tmp_path, "\n".join(lines)))


def test_yaml_types_that_are_not_what_they_seem() -> None:
    parameters = FinetuningParameters.model_validate(
        {"precision": 32, "learning_rate": "1e-4", "warmup_steps": "", "max_steps": ""}
    )
    assert parameters.precision == "32"
    assert parameters.learning_rate == 1e-4
    assert parameters.warmup_steps is None
    assert parameters.max_steps == -1


def test_notices_of_parameters_without_effect() -> None:
    parameters = FinetuningParameters(apply_deepspeed=True, label_smoothing_factor=0.1)
    assert len(parameters.notices("image_classification_multilabel")) == 2
