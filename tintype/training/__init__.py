"""Fine-tuning and linear probing: `finetune` and what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tintype.training.finetune import FinetuneResult, finetune

__all__ = ["FinetuneResult", "finetune"]


def __getattr__(name: str) -> Any:
    # torch is imported only when training is really asked for.
    if name in __all__:
        from tintype.training import finetune as module

        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
