"""Write docs/reference.md from the command line's and the SDK's own names:
`python samples/write_reference.py`.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import typer.main

import tintype
from tintype.cli.main import app
from tintype.client import Client

PAGE = Path(__file__).parents[1] / "docs" / "reference.md"

HEAD = """# Every name

The command line and Python have the same nouns and verbs, those of `az ml` and of azure-ai-ml. What a verb
gives is a record: its keys are attributes in Python, and `shown()` is what the command line prints. Every
command takes `-o json|yaml|table|tsv|none` and `--query` (JMESPath); `--help` tells the rest. Verbs that
begin with `begin_` give a poller with `result()`, `wait()`, `done()` and `status()`.

This page is written by `python samples/write_reference.py`; a test holds it to the code.
"""

# A verb of the command line, and what azure-ai-ml calls it.
NAMED_OTHERWISE = {
    "create": "create_or_update",
    "show": "get",
    "get-credentials": "get_keys",
    "import": "import_",
}

# Commands without a noun, and what does the same in Python.
SINGLE = {
    "az": "",
    "batch": "`tintype.run_batch`",
    "down": "",
    "evaluate": "`tintype.evaluate`",
    "explain": "`tintype.Scorer.explain`",
    "predict": "`tintype.Scorer`",
    "serve": "",
    "similar": "the package [similarity](similar.md)",
    "status": "",
    "studio": "",
    "up": "",
}


def page() -> str:
    """The whole of docs/reference.md."""
    client = Client()
    parts = [HEAD]
    singles: list[tuple[str, Any]] = []
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        verbs = getattr(command, "commands", None)
        if verbs is None:
            singles.append((name, command))
            continue
        noun = name.replace("-", "_") + ("" if name in ("data", "compute") else "s")
        methods = dict(inspect.getmembers(getattr(client, noun), inspect.ismethod))
        parts += [f"## {name}", "", "| command | Python | |", "|---|---|---|"]
        for verb, part in verbs.items():
            own = NAMED_OTHERWISE.get(verb, verb.replace("-", "_"))
            methods.pop(own)
            parts.append(f"| `tintype {name} {verb}` | `client.{noun}.{own}` | {told(part)} |")
        for own, method in methods.items():
            if not own.startswith("_"):
                line = (inspect.getdoc(method) or "").splitlines()[0]
                parts.append(f"| | `client.{noun}.{own}` | {line} |")
        parts.append("")
    parts += ["## Without a noun", "", "| command | Python | |", "|---|---|---|"]
    for name, command in singles:
        parts.append(f"| `tintype {name}` | {SINGLE[name]} | {told(command)} |")
    parts += ["", "## The package", "", "| name | |", "|---|---|"]
    for name in sorted(set(tintype.__all__) - {"__version__"}, key=str.lower):
        line = (inspect.getdoc(getattr(tintype, name)) or "").splitlines()[0]
        parts.append(f"| `tintype.{name}` | {line} |")
    return "\n".join([*parts, ""])


def told(command: Any) -> str:
    """The first line of a command's help."""
    return str(command.help).splitlines()[0].replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
