"""The table of methods: what is valid for what, and what refusals say."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from checkpoints import write_checkpoint, write_clip

from tintype.errors import MissingExtraError, UsageError
from tintype.explaining.methods import (
    METHODS,
    check_method,
    require_explain_extra,
    valid_methods,
)
from tintype.models.checkpoint import resolve_checkpoint
from tintype.schemas.explanation import ExplanationOptions


def names(folder: Path) -> set[str]:
    return {method.name for method in valid_methods(resolve_checkpoint(str(folder)))}


def test_what_is_valid_follows_the_architecture(tmp_path: Path) -> None:
    everywhere = {"xrai", "integrated_gradients", "occlusion", "rise"}
    convolutional = everywhere | {"guided_backprop", "guided_gradcam"}
    attending = everywhere | {"guided_backprop", "attention", "attention_rollout"}
    assert names(write_checkpoint(tmp_path / "resnet", "resnet")) == convolutional
    assert names(write_checkpoint(tmp_path / "lite", "efficientnet_lite")) == convolutional
    assert names(write_checkpoint(tmp_path / "beit", "beit")) == attending
    assert names(write_clip(tmp_path / "clip")) == attending
    assert names(write_checkpoint(tmp_path / "swin", "swin")) == everywhere
    assert {method.name for method in valid_methods(None)} == {"occlusion", "rise"}


def test_a_refusal_names_the_nearest_valid_method(tmp_path: Path) -> None:
    vit = resolve_checkpoint(str(write_checkpoint(tmp_path / "vit")))
    resnet = resolve_checkpoint(str(write_checkpoint(tmp_path / "resnet", "resnet")))
    with pytest.raises(UsageError, match=r"is a vit; the nearest that is valid is 'attention'"):
        check_method("guided_gradcam", vit)
    with pytest.raises(UsageError, match=r"is a resnet; the nearest .* is 'guided_gradcam'"):
        check_method("attention", resnet)
    with pytest.raises(UsageError, match=r"weights are not on disk.* nearest .* is 'occlusion'"):
        check_method("xrai", None)
    with pytest.raises(UsageError, match="Did you mean 'guided_gradcam'"):
        check_method("guided_grad_cam", vit)
    assert check_method("attention", vit) is METHODS["attention"]


def test_every_method_has_something_instead_that_is_valid_without_gradients() -> None:
    for method in METHODS.values():
        assert METHODS[method.name] is method
        assert set(method.instead) <= set(METHODS) - {method.name}
        assert method.passes(ExplanationOptions()) > 0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"n_steps": 1}, "n_steps"),
        ({"n_step": 20}, "Did you mean 'n_steps'"),
        ({"approximation_method": "riemann"}, "approximation_method"),
        ({"window": 0}, "window"),
        ({"masks": 10**9}, "masks"),
    ],
)
def test_options_out_of_range_are_told_by_name(given: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        ExplanationOptions.of(**given)


def test_options_have_azures_defaults() -> None:
    options = ExplanationOptions()
    assert (options.n_steps, options.approximation_method) == (50, "riemann_middle")
    assert (options.xrai_fast, options.confidence_score_threshold_multilabel) == (True, 0.5)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    require_explain_extra()
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "captum" else find(name)
    )
    with pytest.raises(MissingExtraError, match=r"pip install 'tintype\[explain\]'"):
        require_explain_extra()
