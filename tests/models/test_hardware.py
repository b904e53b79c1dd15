"""Which device is taken, and how much of it."""

from __future__ import annotations

import pytest
import torch

from tintype.errors import UsageError
from tintype.models.hardware import pick_device


def test_tasks_that_share_a_gpu_keep_to_their_part(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[float] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", taken.append)
    assert pick_device("auto").type == "cuda"
    assert taken == []
    monkeypatch.setenv("TINTYPE_GPU_SHARE", "0.5")
    assert pick_device("cuda").type == "cuda"
    assert pick_device("cpu").type == "cpu"
    assert taken == [0.5]


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto").type == "cpu"
    with pytest.raises(UsageError, match="no CUDA device"):
        pick_device("cuda")
    with pytest.raises(UsageError, match="expected auto, cpu or cuda"):
        pick_device("gpu please")
