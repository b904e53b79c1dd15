"""MLTable's `filter` expressions, read as a small language, never evaluated as Python."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

__all__ = ["compile_filter"]

Value = Callable[[dict[str, Any]], Any]

_COMPARISONS: dict[type, Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}


def compile_filter(expression: str) -> Callable[[dict[str, Any]], bool]:
    """A predicate over rows from text such as `col("label") == "can" and not col("width") < 64`.

    A comparison that a row's types do not allow is false for that row.

    Raises:
        ValueError: anything but `col("name")`, constants, comparisons, `and`, `or`, `not`.
    """
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError(f"cannot read the expression {expression!r}") from None
    test = _compile(tree)

    def keep(row: dict[str, Any]) -> bool:
        try:
            return bool(test(row))
        except TypeError:
            return False

    return keep


def _compile(node: ast.expr) -> Value:
    if isinstance(node, ast.Constant):
        constant = node.value
        return lambda row: constant
    if isinstance(node, ast.List | ast.Tuple):
        items = [_compile(item) for item in node.elts]
        return lambda row: [item(row) for item in items]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = _compile(node.operand)
        return lambda row: not inner(row)
    if isinstance(node, ast.BoolOp):
        parts = [_compile(part) for part in node.values]
        every = isinstance(node.op, ast.And)
        return lambda row: (all if every else any)(part(row) for part in parts)
    if isinstance(node, ast.Compare) and all(type(op) in _COMPARISONS for op in node.ops):
        values = [_compile(part) for part in (node.left, *node.comparators)]
        tests = [_COMPARISONS[type(op)] for op in node.ops]
        return lambda row: all(
            test(left(row), right(row))
            for test, left, right in zip(tests, values[:-1], values[1:], strict=True)
        )
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "col"
        and len(node.args) == 1
        and isinstance(node.args[0], ast.Constant)
    ):
        name = str(node.args[0].value)
        return lambda row: row.get(name)
    raise ValueError(
        f'{ast.unparse(node)!r} is not supported; use col("name"), constants, comparisons, and, or, not'
    )
