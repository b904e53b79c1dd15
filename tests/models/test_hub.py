"""Downloads, against a loopback stand-in for the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path

import pytest
from checkpoints import write_checkpoint
from hub import COMMIT, Hub

from tintype.errors import CheckpointError
from tintype.models.checkpoint import check_obtainable, resolve_checkpoint
from tintype.models.classifier import labels_of, load_classifier


def test_a_checkpoint_is_downloaded_once(hub: Hub, tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "repository")
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    (folder / "modeling_evil.py").write_text("raise SystemExit")
    hub.repositories["someone/vit"] = folder
    checkpoint = resolve_checkpoint("someone/vit")
    assert checkpoint.revision == COMMIT
    assert labels_of(load_classifier(checkpoint)) == ("can", "carton", "jug")
    asked = {name.split("@")[0] for name in hub.requested}
    assert {"config.json", "model.safetensors", "preprocessor_config.json"} <= asked
    assert not asked & {"pytorch_model.bin", "modeling_evil.py"}
    hub.requested.clear()
    resolve_checkpoint("someone/vit")
    assert hub.requested == []


def test_what_the_hub_does_not_have(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such repository"):
        resolve_checkpoint("someone/nothing")
    folder = write_checkpoint(tmp_path / "repository")
    (folder / "model.safetensors").unlink()
    hub.repositories["someone/old"] = folder
    with pytest.raises(CheckpointError, match=r"has no model\.safetensors"):
        resolve_checkpoint("someone/old")


def test_a_hub_that_is_down(hub: Hub) -> None:
    hub.server.shutdown()
    hub.server.server_close()
    with pytest.raises(CheckpointError, match=r"cannot be reached|failed"):
        resolve_checkpoint("someone/vit")


def test_offline_takes_what_is_cached(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repositories["someone/vit"] = write_checkpoint(tmp_path / "repository")
    resolve_checkpoint("someone/vit")
    hub.requested.clear()
    monkeypatch.setenv("TINTYPE_OFFLINE", "true")
    assert resolve_checkpoint("someone/vit").revision == COMMIT
    with pytest.raises(CheckpointError, match="offline"):
        resolve_checkpoint("someone/else")
    assert hub.requested == []


def test_a_broken_download_goes_on_where_it_was(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    # Real weights are many of its chunks; these are smaller than one.
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 4096)
    hub.repositories["someone/vit"] = write_checkpoint(tmp_path / "repository")
    hub.broken_once.add("model.safetensors")
    try:
        resolve_checkpoint("someone/vit")
    except CheckpointError as error:
        assert "run again" in str(error)
    checkpoint = resolve_checkpoint("someone/vit")
    original = (tmp_path / "repository" / "model.safetensors").read_bytes()
    assert (checkpoint.folder / "model.safetensors").read_bytes() == original
    starts = [int(n.split("@")[1]) for n in hub.requested if n.startswith("model.safetensors")]
    assert len(starts) == 2
    assert starts[1] > 0, "the second request asks for the missing half alone"


def test_no_bars_without_a_terminal(
    hub: Hub, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    hub.repositories["someone/vit"] = write_checkpoint(tmp_path / "repository")
    capfd.readouterr()
    resolve_checkpoint("someone/vit")
    assert capfd.readouterr().err == ""


def test_a_revision_is_pinned(hub: Hub, tmp_path: Path) -> None:
    hub.repositories["someone/vit"] = write_checkpoint(tmp_path / "repository")
    assert resolve_checkpoint("someone/vit", revision=COMMIT).folder.name == COMMIT


def test_whether_a_checkpoint_can_be_had_is_asked_without_a_download(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repositories["someone/vit"] = write_checkpoint(tmp_path / "repository")
    check_obtainable("someone/vit")
    check_obtainable(str(tmp_path / "repository"))
    assert hub.requested == []
    with pytest.raises(CheckpointError, match="no such repository"):
        check_obtainable("someone/nothing")
    with pytest.raises(CheckpointError, match="no such folder"):
        check_obtainable("./nothing")
    resolve_checkpoint("someone/vit")
    hub.server.shutdown()
    hub.server.server_close()
    check_obtainable("someone/vit")
    with pytest.raises(CheckpointError, match="cannot be reached"):
        check_obtainable("someone/else")
    monkeypatch.setenv("TINTYPE_OFFLINE", "true")
    with pytest.raises(CheckpointError, match="offline"):
        check_obtainable("someone/else")
