"""What a model offers, and the thread that explanations are made in."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest
from checkpoints import write_checkpoint
from pictures import noise

from tintype.errors import MissingExtraError, RequestError
from tintype.explaining import offered
from tintype.explaining.offered import offered_explanations
from tintype.explaining.scorer import Scorer
from tintype.explaining.thread import ExplainingThread
from tintype.models.checkpoint import resolve_checkpoint
from tintype.schemas.task import EMBEDDINGS, MULTICLASS


@pytest.mark.parametrize(
    ("family", "default", "quickest", "invalid"),
    [
        ("vit", "attention", "attention_rollout", "guided_gradcam"),
        ("efficientnet_lite", "guided_gradcam", "guided_backprop", "attention"),
        ("swin", "xrai", "integrated_gradients", "attention"),
    ],
)
def test_the_methods_of_an_architecture(
    tmp_path: Path, family: str, default: str, quickest: str, invalid: str
) -> None:
    checkpoint = resolve_checkpoint(str(write_checkpoint(tmp_path / family, family)))
    found = offered_explanations(MULTICLASS, checkpoint)
    names = [method["name"] for method in found["methods"]]
    assert found["default"] == default and found["unavailable"] is None
    assert invalid not in names and default in names and "rise" in names
    passes = [method["passes"] for method in found["methods"]]
    assert passes == sorted(passes)
    if family != "swin":
        assert names[0] == quickest


def test_without_weights_outputs_are_asked() -> None:
    found = offered_explanations(MULTICLASS, None)
    assert found["default"] == "occlusion"
    assert {method["name"] for method in found["methods"]} == {"occlusion", "rise"}


def test_what_cannot_be_explained_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    found = offered_explanations(EMBEDDINGS, None)
    assert found["methods"] == [] and found["default"] is None
    assert "embeddings have no class to explain" in found["unavailable"]

    def missing() -> None:
        raise MissingExtraError("explaining", "explain")

    monkeypatch.setattr(offered, "require_explain_extra", missing)
    assert "pip install 'tintype[explain]'" in offered_explanations(MULTICLASS, None)["unavailable"]


def test_one_at_a_time_and_few_wait() -> None:
    thread = ExplainingThread(most_waiting=2)
    go_on, begun = threading.Event(), threading.Event()

    def held() -> str:
        begun.set()
        assert go_on.wait(60)
        return "held"

    async def use() -> None:
        first = asyncio.create_task(thread.run([held], time.monotonic() + 60))
        given_up = asyncio.create_task(
            thread.run([lambda: pytest.fail("run")], time.monotonic() + 60)
        )
        await asyncio.to_thread(begun.wait, 60)
        with pytest.raises(RequestError, match="2 explanations wait already") as refused:
            thread.check_room()
        assert refused.value.status == 429
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        thread.check_room()
        with pytest.raises(TimeoutError):
            await thread.run([lambda: pytest.fail("run")], time.monotonic() + 0.05)
        go_on.set()
        assert await first == ["held"]
        # What has waited for too long is not begun.
        with pytest.raises(TimeoutError):
            await thread.run([lambda: pytest.fail("run")], time.monotonic() - 1)
        assert await thread.run([lambda: 1, lambda: 2], time.monotonic() + 60) == [1, 2]

    try:
        asyncio.run(use())
    finally:
        go_on.set()
        thread.close()


@pytest.mark.parametrize("method", ["integrated_gradients", "xrai", "rise"])
def test_what_nobody_waits_for_ends_at_its_next_pass(vit_checkpoint: Path, method: str) -> None:
    scorer, begun = Scorer.load(vit_checkpoint), threading.Event()
    thread, ended = ExplainingThread(), threading.Event()
    image = noise(40, 50, seed=1)

    def work() -> object:
        begun.set()
        try:
            return scorer.explain([image], method=method, n_steps=1000, masks=100_000, batch_size=1)
        finally:
            ended.set()

    async def use() -> None:
        asked = asyncio.create_task(thread.run([work], time.monotonic() + 600))
        await asyncio.to_thread(begun.wait, 60)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert await asyncio.to_thread(ended.wait, 30)
        assert await thread.run([lambda: "next"], time.monotonic() + 60) == ["next"]

    try:
        asyncio.run(use())
    finally:
        thread.close()


def test_what_fails_is_told_and_so_is_a_thread_that_is_closed() -> None:
    thread = ExplainingThread()

    def failing() -> None:
        raise RuntimeError("no memory for the map")

    async def told() -> RequestError:
        with pytest.raises(RequestError) as caught:
            await thread.run([failing], time.monotonic() + 60)
        thread.check_room(32)
        return caught.value

    failed = asyncio.run(told())
    assert failed.status == 424 and "no memory for the map" in str(failed)
    thread.close()
    assert asyncio.run(told()).status == 424
