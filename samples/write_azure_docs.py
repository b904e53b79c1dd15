"""Write docs/azure.md, a table of every verb of `az ml` and what differs:
`python samples/write_azure_docs.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer.main

from tintype.cli.main import app
from tintype.cli.not_here import NOT_HERE
from tintype.cli.options import WITHOUT_EFFECT

PAGE = Path(__file__).parents[1] / "docs" / "azure.md"

HEAD = """# `az ml`, verb by verb

`az ml X` is `tintype X`. Scripts run unchanged once a shell knows this machine's `az`:

```
eval "$(tintype az env)"       # for this shell and every script that it starts
az ml job create --file job.yml --resource-group mine --workspace-name ours
```

One command line alone: `tintype az ml job create --file job.yml`. [From Azure](from-azure.md) tells how to bring
a workspace over.

## What is the same

- Every verb below takes the options that Azure's samples use. `-g/--resource-group`, `-w/--workspace-name`,
  `--subscription`, `--debug`, `--verbose` and `--only-show-errors` are accepted and mean nothing: there is one
  workspace, on this machine.
- `-o json|jsonc|yaml|yamlc|table|tsv|none` and `--query` (JMESPath) as in az; a query sees the whole record.
- `--set a.b=c d.e=f` overrides any key of a document, `--tags` and `--defaults` take several values too.
- Exit codes: 0, 1 when something failed while it ran, 2 when what was asked for cannot be done as written. Errors go to
  standard error, one message each; an unknown verb or option names the nearest.
- `az account | cloud | config | configure | extension | group | login | logout | provider | upgrade | version` answer in
  az's shape, do nothing and say so on standard error. `az account show --query id` gives a subscription of zeros.

## What differs on purpose

- Versions of models, data, components and environments are strings of your own (`--version $(date +%s)`), or the next
  number where left out. `--label latest` and `@latest` mean the newest created.
- A `compute` by any name means this machine, said once, unless `tintype compute attach --name NAME --address
  ray://HOST:PORT` mapped it to a Ray cluster.
- `--registry-name` means the catalog, whatever the registry is called; any version of a card is found.
- `model create --type custom_model` is accepted; what is registered is always an MLflow model folder.
- `environment create` builds nothing: commands run in the Python that an environment names (`--python`), or in
  Tintype's own.
- `online-endpoint invoke` prints the answer's body as it is, not as a JSON string within a string.
- `job download` prints the folder; below it lie `artifacts/` and `named-outputs/NAME/`, as Azure lays them out.
- `--no-wait` comes back at once where creating takes a while (online deployments); elsewhere there is nothing to wait for.
- `instance_type`, SKUs, probes beyond readiness, identity and network settings are accepted and said once.

This page is written by `python samples/write_azure_docs.py`; a test holds it to the code.

## Every verb

Options that every verb has are left out. Those in the last column are accepted and have no effect here.

"""

TAIL = """
## What is not here

| in az ml | instead |
|---|---|
"""

# Nouns of our own have no place in a table of Azure's verbs, nor have these verbs.
OURS = {"data check", "job resume", "model export", "model import", "model quantize"}

# Nouns of our own altogether.
OUR_NOUNS = {"label"}

EVERYWHERE = {"--help", "--output", "--query", "--resource-group", "--workspace-name"}


def page() -> str:
    """The whole of docs/azure.md."""
    lines = ["| verb | | options | accepted |", "|---|---|---|---|"]
    for noun, group in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        if noun in OUR_NOUNS:
            continue
        for verb, command in getattr(group, "commands", {}).items():
            called = f"{noun} {verb}"
            ours = " (beyond Azure's)" if called in OURS else ""
            help_ = str(command.help).splitlines()[0].replace("|", "\\|")
            lines.append(
                f"| `{called}` | {help_}{ours} | {options(command, False)} | {options(command, True)} |"
            )
    elsewhere = [f"| `{' '.join(key).strip()}` | {instead} |" for key, instead in NOT_HERE.items()]
    return HEAD + "\n".join(lines) + "\n" + TAIL + "\n".join(elsewhere) + "\n"


def options(command: Any, without_effect: bool) -> str:
    """The options of a command that have an effect, or those that have none."""
    names = []
    for parameter in command.params:
        long = [name for name in parameter.opts if name.startswith("--")]
        if not long or EVERYWHERE & set(long) or getattr(parameter, "hidden", False):
            continue
        panel = getattr(parameter, "rich_help_panel", None)
        if (panel == WITHOUT_EFFECT) == without_effect:
            names.append(f"`{long[0]}`")
    return " ".join(names)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
