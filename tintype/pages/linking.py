"""ES modules joined into one script, as a page without a server needs it: a browser imports nothing from a file's folder.

Each module becomes a function that gives its exports, called once, after those of the modules it imports. Of the
language's forms of import and export these are known, which our modules and the vendored libraries are written in:
`import a, { b, c as d } from "./x.js"`, `export` before a function, class or const, `export default` before an
expression, `export { a, b as c }`. Exports are copied when the module has run: an exported binding is never changed later.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

__all__ = ["link"]

_IMPORT = re.compile(
    r'(?:^|(?<=;))import\s*(?:(?P<default>[\w$]+)\s*,?\s*)?(?:\{(?P<names>[^}]*)\}\s*)?(?:from\s*)?"(?P<path>\.[^"]+)";?',
    re.MULTILINE,
)
_DECLARED = re.compile(
    r"^export\s+(?=(?:async\s+)?(?:function\*?|class|const)\s+(?P<name>[\w$]+))", re.MULTILINE
)
_LISTED = re.compile(r"(?:^|(?<=[;}]))export\s*\{(?P<names>[^}]*)\};?", re.MULTILINE)
_DEFAULT = re.compile(r"(?:^|(?<=[;}]))export\s+default\s+", re.MULTILINE)
_UNKNOWN = re.compile(r"^(?:import|export)\b(?!\s*[.(:=]).*", re.MULTILINE)


@cache
def link(entry: Path) -> str:
    """The script of a module and of all that it imports, each once.

    Raises:
        ValueError: modules import each other, use a form of import or export that is not known here, or hold
            what would end a script element.
    """
    names: dict[Path, str] = {}
    parts: list[str] = []

    def add(path: Path, way: tuple[Path, ...]) -> str:
        if path in way:
            raise ValueError(f"{path.name} and {way[-1].name} import each other")
        if path not in names:
            source = path.read_text("utf-8")

            def imported(found: re.Match[str]) -> str:
                name = add((path.parent / found["path"]).resolve(), (*way, path))
                wanted = [f"default: {found['default']}"] if found["default"] else []
                wanted += [f"{one}: {alias}" for one, alias in _pairs(found["names"] or "")]
                return f"const {{ {', '.join(wanted)} }} = {name};" if wanted else ""

            body, exports = _without_exports(_IMPORT.sub(imported, source))
            if unknown := _UNKNOWN.search(body):
                raise ValueError(f"{path}: cannot be linked: {unknown[0][:80]}")
            names[path] = f"$module{len(names)}"
            given = ", ".join(f"{alias}: {one}" for one, alias in exports)
            parts.append(
                f"const {names[path]} = (() => {{\nconst $exports = {{}};\n{body}\n"
                f"return Object.assign($exports, {{ {given} }});\n}})();"
            )
        return names[path]

    add(entry.resolve(), ())
    script = "\n".join(parts)
    if re.search(r"</script|<!--", script, re.IGNORECASE):
        raise ValueError(f"{entry}: a script of it holds </script or <!--")
    return script


def _without_exports(source: str) -> tuple[str, list[tuple[str, str]]]:
    """The body without the word `export`, and (name in the module, name outside) of what it gives."""
    exports: list[tuple[str, str]] = []

    def declared(found: re.Match[str]) -> str:
        exports.append((found["name"], found["name"]))
        return ""

    def listed(found: re.Match[str]) -> str:
        exports.extend(_pairs(found["names"]))
        return ""

    body = _LISTED.sub(listed, _DECLARED.sub(declared, source))
    return _DEFAULT.sub("$exports.default = ", body), exports


def _pairs(names: str) -> list[tuple[str, str]]:
    """Of `a, b as c`: (a, a), (b, c)."""
    pairs = []
    for part in filter(None, (one.strip() for one in names.split(","))):
        name, _, alias = (word.strip() for word in part.partition(" as "))
        pairs.append((name, alias or name))
    return pairs
