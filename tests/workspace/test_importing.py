"""`tintype model import`, from a folder and from a loopback stand-in for the Hub."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoints import write_checkpoint, write_clip
from hub import COMMIT, Hub
from image_text import embedded_by_transformers
from pictures import encoded, noise
from safetensors.torch import load_file

from tintype.cli.main import _run
from tintype.errors import CheckpointError, UsageError
from tintype.models.model_folder import open_model_folder
from tintype.scoring import Scorer
from tintype.workspace import registry
from tintype.workspace.importing import import_model
from tintype.workspace.registry import (
    archive_model,
    list_models,
    register_model,
    resolve_model,
)
from tintype.workspace.versions import new_version

IMAGES = [noise(50 + n, 60, seed=n) for n in range(3)]


def as_bin(folder: Path) -> Path:
    """The same checkpoint with its weights in pytorch_model.bin."""
    weights = load_file(folder / "model.safetensors")
    torch.save(weights, folder / "pytorch_model.bin")  # noqa: TID251
    (folder / "model.safetensors").unlink()
    return folder


def test_a_hub_checkpoint_becomes_a_registered_model(hub: Hub, tmp_path: Path) -> None:
    repository = write_checkpoint(tmp_path / "repository")
    hub.repositories["google/vit-base-patch16-224"] = repository
    model = import_model(
        "azureml://registries/azureml/models/google-vit-base-patch16-224/labels/latest"
    )
    assert (model.name, model.version) == ("google-vit-base-patch16-224", "1")
    folder = open_model_folder(Path(resolve_model("google-vit-base-patch16-224@latest")))
    assert folder.classes == ("can", "carton", "jug")
    assert folder.card["revision"] == COMMIT
    assert folder.card["license"] == "apache-2.0"
    assert folder.card["family"] == "vit"
    expected = Scorer.load(repository).predict(IMAGES)
    found = Scorer.load(folder.path).predict(IMAGES)
    for mine, other in zip(found, expected, strict=True):
        assert (mine.probs == other.probs).all()


def test_clip_keeps_its_task_and_tokenizer(tmp_path: Path) -> None:
    import pandas

    write_clip(tmp_path / "my clip")
    import_model(str(tmp_path / "my clip"), name="clip")
    scorer = Scorer.load(resolve_model("clip@latest"))
    assert scorer.task == "zero_shot_image_classification"
    expected = Scorer.load(tmp_path / "my clip").predict(IMAGES, labels=["a cat", "a dog"])
    found = scorer.predict(IMAGES, labels=["a cat", "a dog"])
    assert np.abs(found[0].probs - expected[0].probs).max() < 1e-6
    import mlflow.pyfunc
    import pybase64

    pyfunc = mlflow.pyfunc.load_model(resolve_model("clip@latest"))
    cells = [pybase64.b64encode(encoded(image)).decode() for image in IMAGES]
    answer = pyfunc.predict(
        pandas.DataFrame({"image": cells, "text": ["a cat, a dog", None, None]})
    )
    assert answer[0]["labels"] == ["a cat", "a dog"]
    assert np.abs(np.array(answer[2]["probs"]) - expected[2].probs).max() < 1e-6


def test_embeddings_through_mlflow(tmp_path: Path) -> None:
    import mlflow.pyfunc
    import pandas
    import pybase64

    folder = write_checkpoint(tmp_path / "dinov2", "dinov2")
    import_model(str(folder), name="dino", task="embeddings")
    expected = Scorer.load(folder, task="embeddings").predict(IMAGES)
    pyfunc = mlflow.pyfunc.load_model(resolve_model("dino@latest"))
    cells = [pybase64.b64encode(encoded(image)).decode() for image in IMAGES]
    answer = pyfunc.predict(pandas.DataFrame({"image": cells}))
    assert np.abs(np.array(answer[1]["image_features"]) - expected[1].features).max() < 1e-6


def test_images_and_texts_are_embedded_through_mlflow(hub: Hub, tmp_path: Path) -> None:
    import mlflow.pyfunc
    import pandas
    import pybase64

    folder = write_clip(tmp_path / "clip")
    hub.repositories["openai/clip-vit-base-patch32"] = folder
    name = "OpenAI-CLIP-Image-Text-Embeddings-vit-base-patch32"
    model = import_model(f"azureml://registries/azureml/models/{name}/versions/11")
    assert model.name == name
    path = Path(resolve_model(f"{name}@latest"))
    assert open_model_folder(path).task == "embeddings"
    example = json.loads((path / "input_example.json").read_text())["input_data"]
    assert example["columns"] == ["image", "text"]
    pyfunc = mlflow.pyfunc.load_model(str(path))
    schema = pyfunc.metadata.signature
    assert schema.inputs.input_names() == ["image", "text"]
    assert schema.outputs.input_names() == ["image_features", "text_features"]
    cells = [pybase64.b64encode(encoded(image)).decode() for image in IMAGES]
    texts = ["a cat", "a red dog", "a photo of a can"]
    of_images, of_texts = embedded_by_transformers(folder, IMAGES, texts)
    for columns, expected in (
        ({"image": cells, "text": [""] * 3}, {"image_features": of_images}),
        ({"image": cells}, {"image_features": of_images}),
        ({"image": [""] * 3, "text": texts}, {"text_features": of_texts}),
        ({"text": texts}, {"text_features": of_texts}),
        (
            {"image": cells, "text": texts},
            {"image_features": of_images, "text_features": of_texts},
        ),
    ):
        answer = pyfunc.predict(pandas.DataFrame(columns))
        assert [set(row) for row in answer] == [set(expected)] * 3
        for key, numbers in expected.items():
            assert np.abs(np.array([row[key] for row in answer]) - numbers).max() < 1e-4
    with pytest.raises(UsageError, match="row 1 has no text, and other rows have one"):
        pyfunc.predict(pandas.DataFrame({"image": cells, "text": ["a", None, "b"]}))


def test_bin_weights_only_when_asked(hub: Hub, tmp_path: Path) -> None:
    plain = write_checkpoint(tmp_path / "plain")
    expected = Scorer.load(plain).predict(IMAGES)
    local = as_bin(plain)
    hub.repositories["someone/old"] = local
    for source in ("someone/old", str(local)):
        with pytest.raises(CheckpointError, match="--allow-bin"):
            import_model(source)
        import_model(source, name="old", allow_bin=True)
        found = Scorer.load(resolve_model("old@latest")).predict(IMAGES)
        assert np.abs(found[0].probs - expected[0].probs).max() < 1e-6
    for file in Path(resolve_model("old@latest")).rglob("*"):
        assert file.suffix not in (".bin", ".pkl")


def test_bin_weights_of_a_card_keep_its_task(hub: Hub, tmp_path: Path) -> None:
    hub.repositories["openai/clip-vit-base-patch32"] = as_bin(write_clip(tmp_path / "clip"))
    name = "OpenAI-CLIP-Image-Text-Embeddings-vit-base-patch32"
    # The command that the message names must not lead to the checkpoint's other task.
    with pytest.raises(CheckpointError, match=f"model import {name} --allow-bin"):
        Scorer.load(name)
    import_model(name, allow_bin=True)
    scorer = Scorer.load(resolve_model(f"{name}@latest"))
    assert scorer.task == "embeddings"
    assert scorer.embed_texts(["a cat"]).shape == (1, 24)


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (eval, ("open('/tmp/tintype-was-here', 'w')",))


def test_a_bin_file_with_code_runs_nothing(tmp_path: Path) -> None:
    folder = as_bin(write_checkpoint(tmp_path / "evil"))
    torch.save({"weights": _Evil()}, folder / "pytorch_model.bin")  # noqa: TID251
    with pytest.raises(CheckpointError, match="more than tensors"):
        import_model(str(folder), allow_bin=True)
    assert not Path("/tmp/tintype-was-here").exists()
    assert list_models() == []


def test_what_cannot_be_imported(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        (tmp_path / "empty").mkdir()
        import_model(str(tmp_path / "empty"))
    with pytest.raises(CheckpointError, match="no classification head"):
        import_model(str(write_clip(tmp_path / "clip")), task="image_classification")
    with pytest.raises(UsageError, match="expected one of"):
        import_model(str(write_checkpoint(tmp_path / "vit")), task="detection")
    assert list_models() == []


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_clip(tmp_path / "clip")
    photo = tmp_path / "photo.png"
    photo.write_bytes(encoded(IMAGES[0]))
    assert _run(["model", "import", str(folder), "-n", "my-clip"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == "azureml:my-clip:1"
    ask = ["predict", str(photo), "-m", "my-clip@latest"]
    assert _run([*ask, "--labels", '["a cat", "a dog, red"]']) == 0
    assert json.loads(capsys.readouterr().out)[0]["labels"] == ["a cat", "a dog, red"]
    assert _run([*ask, "--task", "embeddings", "--normalize"]) == 0
    features = json.loads(capsys.readouterr().out)[0]["image_features"]
    assert np.linalg.norm(features) == pytest.approx(1, abs=1e-5)
    assert _run(ask) == 2
    assert "needs labels" in capsys.readouterr().err
    assert _run(["model", "show", "my-clip", "--query", "version"]) == 0
    assert capsys.readouterr().out.strip() == '"1"'
    assert _run(["model", "show", "facebook/dinov2-giant", "--query", "features"]) == 0
    assert capsys.readouterr().out.strip() == "1536"
    assert _run(["model", "show", "nothing-like-it"]) == 2
    assert _run(["model", "list", "--registry", "--query", "length(@)"]) == 0
    assert int(capsys.readouterr().out.split()[-1]) >= 20
    assert _run(["model", "list", "--registry", "-n", "giant", "-o", "table"]) == 0
    assert "1136M" in capsys.readouterr().out


def test_texts_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_clip(tmp_path / "clip")
    for number, image in enumerate(IMAGES):
        (tmp_path / f"{number}.png").write_bytes(encoded(image))
    photos = [str(tmp_path / f"{number}.png") for number in range(2)]
    texts = ["a cat", "a red dog"]
    options = [option for text in texts for option in ("--text", text)]
    ask = ["predict", "-m", str(folder), "--task", "embeddings"]
    images, of_texts = embedded_by_transformers(folder, IMAGES[:2], texts)
    for given, keys in (
        (options, ["text_features"]),
        (photos, ["image_features"]),
        ([*photos, *options], ["image_features", "text_features"]),
    ):
        assert _run([*ask, "--precision", "fp32", *given]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert [list(row) for row in answer] == [keys] * 2
        for key in keys:
            expected = images if key == "image_features" else of_texts
            assert np.abs(np.array([row[key] for row in answer]) - expected).max() < 1e-4
    (tmp_path / "1.png").write_bytes(b"no picture")
    assert _run([*ask, *photos, *options]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert [list(row) for row in answer] == [["image_features", "text_features"], ["file", "error"]]
    assert _run([*ask, *options, "-o", "tsv"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("a red dog\t24\t")
    for wrong, message in (
        ([*ask], "name an image file or URL, or give --text"),
        ([*ask, *photos, "--text", "a cat"], "2 images and 1 texts"),
        (
            ["predict", "-m", str(folder), "--text", "a cat"],
            "give --task embeddings, or give --labels",
        ),
        ([*ask, "--text", "x" * 20_001], "the limit is 20000"),
    ):
        assert _run(wrong) == 2
        assert message in capsys.readouterr().err


def test_quantize_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_checkpoint(tmp_path / "vit")
    for number in range(16):
        (tmp_path / f"{number}.png").write_bytes(encoded(noise(50, 50, seed=number)))
    command = ["model", "quantize", str(folder), "--images", str(tmp_path)]
    assert _run([*command, "--min-agreement", "0.5"]) == 0
    assert json.loads(capsys.readouterr().out)["precision"] == "int8"
    ask = ["predict", str(tmp_path / "0.png"), "-m", str(folder), "--runtime", "auto"]
    assert _run([*ask, "--precision", "int8"]) in (0, 1)
    answer = capsys.readouterr()
    assert "probs" in answer.out or "strays too far" in answer.err


def test_versions_are_what_the_user_calls_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = import_model(str(write_checkpoint(tmp_path / "first")), name="photos")
    folder = resolve_model("photos:1")
    create = ["model", "create", "--name", "photos", "--path", folder, "--type", "mlflow_model"]
    # Azure's scripts say `--version $(date +%s)`.
    assert _run([*create, "--version", "1795753181", "--query", "version", "-o", "tsv"]) == 0
    assert capsys.readouterr().out == "1795753181\n"
    assert _run([*create, "--version", "spring-2026"]) == 0
    assert [model.version for model in list_models("photos")] == ["spring-2026", "1795753181", "1"]
    # The newest is what was made last, not what sorts last.
    assert list_models()[0].version == "spring-2026"
    assert resolve_model("photos@latest") == resolve_model("azureml:photos:spring-2026")
    assert resolve_model("models:/photos/1795753181") == resolve_model("photos:1795753181")
    assert first.version == "1"
    # Whoever names none gets the number after the highest.
    assert register_model("photos", folder).version == "1795753182"
    archive_model("photos", version="spring-2026")
    assert "spring-2026" not in [model.version for model in list_models("photos")]
    capsys.readouterr()
    assert _run([*create, "--version", "1795753181"]) == 2
    told = capsys.readouterr().err
    assert "model 'photos' has a version '1795753181'" in told
    assert "make '1795753183'" in told
    assert _run([*create, "--version", "a/b"]) == 2
    assert "up to 30 letters" in capsys.readouterr().err


@pytest.mark.parametrize(("asked", "kept"), [(None, ["2", "1"]), ("spring", ["spring"])])
def test_two_that_register_in_the_same_moment_get_two_versions_or_one_refusal(
    asked: str | None, kept: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_model(str(write_checkpoint(tmp_path / "first")), name="other")
    folder = resolve_model("other:1")
    both_have_chosen = threading.Barrier(2, timeout=60)
    chosen = threading.local()

    def choose(asset: str, asked: str | None, taken: Sequence[str]) -> str:
        version = new_version(asset, asked, taken)
        if not hasattr(chosen, "once"):
            chosen.once = True
            both_have_chosen.wait()
        return version

    monkeypatch.setattr(registry, "new_version", choose)
    refused = []

    def register() -> None:
        try:
            register_model("photos", folder, version=asked)
        except UsageError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=register) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [model.version for model in list_models("photos")] == kept
    assert len(refused) == 2 - len(kept)


def test_a_name_with_a_slash_is_a_hub_id_not_a_version() -> None:
    assert resolve_model("google/vit-base-patch16-224") == "google/vit-base-patch16-224"
    assert resolve_model("timm/resnet18") == "timm/resnet18"


@pytest.mark.parametrize(
    "given", ["google/vit-base-patch16-224", "vitb16r224", "google-vit-base-patch16-224"]
)
def test_a_folder_imported_under_a_name_of_a_card_is_found_by_all_of_them(
    given: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_checkpoint(tmp_path / "from a stick")
    assert _run(["model", "import", str(folder), "--name", given]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["name"] == given.replace("/", "-")
    kept = resolve_model(f"{made['name']}:1")
    for name in (
        "google/vit-base-patch16-224",
        "vitb16r224",
        "ViTB16R224",
        "google-vit-base-patch16-224",
        "AutoML-Image-Classification",
        "azureml://registries/azureml/models/google-vit-base-patch16-224/versions/10",
    ):
        assert resolve_model(name) == kept
    # Other checkpoints still are the Hub's.
    assert resolve_model("google/vit-large-patch16-224") == "google/vit-large-patch16-224"
    card = open_model_folder(Path(kept)).card
    assert card["license"] == "apache-2.0"
    (tmp_path / "photo.png").write_bytes(encoded(IMAGES[0]))
    ask = ["predict", str(tmp_path / "photo.png"), "-m", "google/vit-base-patch16-224"]
    assert _run([*ask, "--precision", "fp32"]) == 0
    assert "jug" in capsys.readouterr().out
    # The newest counts; archived, the name means the Hub's again.
    assert _run(["model", "import", str(folder), "--name", given]) == 0
    assert resolve_model("vitb16r224") == resolve_model(f"{made['name']}:2")
    archive_model(made["name"])
    assert resolve_model("vitb16r224") == "vitb16r224"


def test_a_folder_is_no_card_by_its_own_name(tmp_path: Path) -> None:
    import_model(str(write_checkpoint(tmp_path / "vitb16r224")))
    assert resolve_model("vitb16r224") == "vitb16r224"


def test_a_hub_id_without_a_card_is_a_name_too(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "theirs")
    assert import_model(str(folder), name="someone/their-vit").name == "someone-their-vit"
    assert resolve_model("someone/their-vit") == resolve_model("someone-their-vit:1")


def test_a_folder_of_another_family_than_the_card_is_refused(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "vit")
    with pytest.raises(CheckpointError, match="family 'vit', but 'microsoft/beit-base"):
        import_model(str(folder), name="microsoft-beit-base-patch16-224-pt22k-ft22k")
    assert list_models() == []
