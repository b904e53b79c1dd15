"""What is not there, raised so that scripts written for azure-ai-ml catch it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from tintype.errors import UsageError

__all__ = ["not_found_as_azure"]

P = ParamSpec("P")
T = TypeVar("T")


def not_found_as_azure(get: Callable[P, T]) -> Callable[P, T]:
    """Have what `get` raises as a UsageError also be azure-core's ResourceNotFoundError.

    `except ResourceNotFoundError:` is how notebooks make what is missing. A script that says so has
    imported azure-core; where it is not loaded, nothing changes.
    """

    @functools.wraps(get)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return get(*args, **kwargs)
        except UsageError as error:
            azure = sys.modules.get("azure.core.exceptions")
            if azure is None:
                raise
            both = type("NotFoundError", (UsageError, azure.ResourceNotFoundError), {})
            raise both(str(error)) from None

    return wrapped
