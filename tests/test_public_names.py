"""The command line, the SDK and the documentation name the same things."""

from __future__ import annotations

import inspect
import re
import runpy
from functools import cached_property
from pathlib import Path

import typer.main

import tintype
from tintype.cli.main import app
from tintype.client import Client

DOCS = Path(__file__).parents[1] / "docs" / "reference.md"

# A verb of the command line, and what azure-ai-ml calls it.
NAMED_OTHERWISE = {
    "create": "create_or_update",
    "show": "get",
    "get-credentials": "get_keys",
    "import": "import_",
}

# In Python there is more: `begin_` verbs, and what the command line does by options.
PYTHON_ONLY = {
    "jobs": set(),
    "models": {"catalog"},
    "data": set(),
    "online_endpoints": {"ask", "metrics"},
    "online_deployments": {"create", "edited"},
    "batch_endpoints": set(),
    "batch_deployments": {"edited", "set_default"},
    "compute": {"list_sizes"},
    "components": set(),
    "environments": set(),
    "labels": set(),
    "monitors": {"notices"},
    "schedules": set(),
    "workspaces": set(),
}


def commands() -> dict[str, set[str]]:
    """Verbs of each noun, and of "" the commands without one."""
    group = typer.main.get_command(app)
    found: dict[str, set[str]] = {"": set()}
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        verbs = getattr(command, "commands", None)
        if verbs is None:
            found[""].add(name)
        else:
            found[name] = set(verbs)
    return found


def methods(noun: object) -> set[str]:
    return {
        name for name, _ in inspect.getmembers(noun, inspect.ismethod) if not name.startswith("_")
    }


NOUNS = {name for name, kind in vars(Client).items() if isinstance(kind, cached_property)}


def plural(noun: str) -> str:
    name = noun.replace("-", "_")
    return name if name in ("data", "compute") else f"{name}s"


def test_every_verb_of_the_command_line_is_one_of_the_sdk() -> None:
    client = Client()
    nouns = {noun: verbs for noun, verbs in commands().items() if noun}
    assert {plural(noun) for noun in nouns} == NOUNS
    for noun, verbs in nouns.items():
        in_python = methods(getattr(client, plural(noun)))
        wanted = {NAMED_OTHERWISE.get(verb, verb.replace("-", "_")) for verb in verbs}
        begun = {name for name in in_python if name.startswith("begin_")}
        assert wanted <= in_python, noun
        assert in_python - begun - wanted == PYTHON_ONLY[plural(noun)], noun
        # What is begun can also be waited for, under the same name.
        assert {name.removeprefix("begin_") for name in begun} <= in_python, noun


def test_a_file_for_every_noun_in_both() -> None:
    package = Path(tintype.__file__).parent
    for noun in commands():
        if noun:
            name = f"{noun.replace('-', '_')}.py"
            assert (package / "cli" / name).is_file()
            assert (package / "client" / name).is_file()


def test_the_page_of_names_is_as_the_code_would_write_it() -> None:
    written = runpy.run_path(str(DOCS.parents[1] / "samples" / "write_reference.py"))["page"]()
    assert DOCS.read_text("utf-8") == written


def test_the_page_of_names_lists_all_of_them_and_nothing_else() -> None:
    page = DOCS.read_text("utf-8")
    written = set(re.findall(r"`tintype ([a-z][a-z -]*[a-z])`", page))
    there = {f"{noun} {verb}".strip() for noun, verbs in commands().items() for verb in verbs}
    assert written == there
    client = Client()
    in_python = {f"{noun}.{name}" for noun in NOUNS for name in methods(getattr(client, noun))}
    assert set(re.findall(r"`client\.([a-z_.]+)`", page)) == in_python
    public = set(tintype.__all__) - {"__version__"}
    assert set(re.findall(r"`tintype\.([A-Za-z_]+)`", page)) == public


def test_the_page_of_azures_verbs_is_as_the_code_would_write_it() -> None:
    script = DOCS.parents[1] / "samples" / "write_azure_docs.py"
    page = runpy.run_path(str(script))["page"]()
    assert (DOCS.parent / "azure.md").read_text("utf-8") == page
