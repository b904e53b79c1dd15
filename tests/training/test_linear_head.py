"""A linear layer on chosen features of any backbone, trained head-only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoints import write_checkpoint, write_clip
from pictures import striped, write_class_folders

from tintype.data import read_image_table
from tintype.errors import DocumentError, UsageError
from tintype.models.checkpoint import resolve_checkpoint
from tintype.models.onnx_export import export_onnx
from tintype.schemas.document import Document, validate
from tintype.schemas.finetuning import FinetuningParameters
from tintype.scoring import Scorer
from tintype.training import finetune

MULTICLASS = "image_classification"


def parameters(pooling: str) -> FinetuningParameters:
    # Evaluated now and then: 26 metrics take longer than an epoch of so few rows.
    return FinetuningParameters(
        method="head",
        pooling=pooling,
        number_of_epochs=60,
        evaluation_frequency=10,
        random_seed=3,
        training_batch_size=8,
    )


@pytest.mark.parametrize(
    ("family", "pooling"),
    [
        ("vit", "cls"),
        ("vit", "mean"),
        ("beit", "cls"),
        ("beit", "mean"),
        ("dinov2", "cls"),
        ("dinov2", "mean"),
        ("clip", "projection"),
        ("clip", "mean"),
        ("clip", "auto"),
        ("swin", "mean"),
        ("resnet", "mean"),
    ],
)
def test_a_linear_layer_learns_on_any_features(tmp_path: Path, family: str, pooling: str) -> None:
    source = tmp_path / "source"
    write_clip(source) if family == "clip" else write_checkpoint(source, family)
    table = read_image_table(write_class_folders(tmp_path / "pictures"))
    result = finetune(
        checkpoint=str(source),
        train=table,
        task=MULTICLASS,
        parameters=parameters(pooling),
        output_folder=tmp_path / "out",
    )
    fresh = [striped(kind, 500 + n) for kind in (1, 0) for n in range(8)]
    answers = {}
    for runtime in ("torch", "openvino"):
        scorer = Scorer.load(result.model_folder, runtime=runtime, precision="fp32")
        assert scorer.task == MULTICLASS
        answers[runtime] = np.stack([p.probs for p in scorer.predict(fresh)])
    assert np.abs(answers["torch"] - answers["openvino"]).max() < 1e-4
    expected = np.repeat([result.classes.index("level"), result.classes.index("upright")], 8)
    assert (answers["torch"].argmax(1) == expected).mean() >= 0.8
    if pooling != "auto":
        # The layer stands on exactly the features that embeddings give.
        embedder = Scorer.load(source, task="embeddings", pooling=pooling)
        features = np.stack([e.features for e in embedder.predict(fresh)])
        head = torch.nn.Linear(features.shape[1], 2)
        from safetensors.torch import load_file

        folder = resolve_checkpoint(str(result.model_folder)).folder
        head.load_state_dict(load_file(folder / "linear_head.safetensors"))
        with torch.no_grad():
            probs = head(torch.from_numpy(features)).softmax(-1).numpy()
        assert np.abs(probs - answers["torch"]).max() < 1e-4


def test_its_folder_is_a_backbone_for_transformers_and_a_classifier_for_onnx(
    tmp_path: Path,
) -> None:
    from transformers import AutoModel

    source = write_checkpoint(tmp_path / "source", "vit")
    table = read_image_table(write_class_folders(tmp_path / "pictures"))
    result = finetune(
        checkpoint=str(source),
        train=table,
        task=MULTICLASS,
        parameters=parameters("mean"),
        output_folder=tmp_path / "out",
    )
    backbone = AutoModel.from_pretrained(resolve_checkpoint(str(result.model_folder)).folder)
    original = AutoModel.from_pretrained(source)
    for name, tensor in original.state_dict().items():
        if "pooler" not in name:
            assert torch.equal(tensor, backbone.state_dict()[name]), name
    assert export_onnx(result.model_folder, tmp_path / "onnx").is_file()
    # And a start for other classes.
    again = finetune(
        checkpoint=str(result.model_folder),
        train=read_image_table(write_class_folders(tmp_path / "three", classes=3)),
        task=MULTICLASS,
        parameters=FinetuningParameters(method="head", number_of_epochs=20),
        output_folder=tmp_path / "again",
    )
    assert Scorer.load(again.model_folder).classes == ("checks", "level", "upright")


def test_two_poolings_do_not_share_cached_features(tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "source", "vit")
    table = read_image_table(write_class_folders(tmp_path / "pictures"))
    heads = []
    for pooling in ("cls", "mean"):
        result = finetune(
            checkpoint=str(source),
            train=table,
            task=MULTICLASS,
            parameters=parameters(pooling),
            output_folder=tmp_path / pooling,
        )
        scorer = Scorer.load(result.model_folder)
        heads.append(scorer.predict([striped(0, 77)])[0].probs)
        shown = result.validation_probabilities
        paths = [table.location(0)]
        assert shown.shape[1] == 2
        assert scorer.predict(paths)[0].probs.shape == (2,)
    assert np.abs(heads[0] - heads[1]).max() > 1e-4


def test_where_pooling_makes_no_sense(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="applies to method: head only"):
        validate(FinetuningParameters, Document({"pooling": "mean"}))
    table = read_image_table(write_class_folders(tmp_path / "pictures"))
    with pytest.raises(UsageError, match="expected auto or cls or mean"):
        finetune(
            checkpoint=str(write_checkpoint(tmp_path / "vit")),
            train=table,
            task=MULTICLASS,
            parameters=parameters("projection"),
            output_folder=tmp_path / "out",
        )
