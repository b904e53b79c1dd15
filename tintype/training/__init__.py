"""Fine-tuning and linear probing: `finetune` and what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tintype.training.finetuning import FinetuneResult, finetune

__all__ = ["FinetuneResult", "finetune"]


def __getattr__(name: str) -> Any:
    # torch is imported only when training is really asked for.
    if name in __all__:
        from tintype.training import finetuning

        return getattr(finetuning, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
