"""Nouns and verbs of `az ml` that Tintype does not have, and what to use instead."""

from __future__ import annotations

from collections.abc import Sequence

from tintype.errors import UsageError

__all__ = ["NOT_HERE", "refuse_what_is_not_here"]

_NODES = "a compute is a name; Ray's own dashboard and `ray status` tell of a cluster's machines"

NOT_HERE: dict[tuple[str, str], str] = {
    ("model", "share"): (
        "there is no registry to share with; write the folder with tintype model download and "
        "register it there with tintype model create --path"
    ),
    ("model", "package"): (
        "nothing is built into containers; tintype model download writes the folder, and tintype "
        "serve serves it on any machine"
    ),
    ("compute", "start"): _NODES,
    ("compute", "stop"): _NODES,
    ("compute", "restart"): _NODES,
    ("compute", "resize"): _NODES,
    ("compute", "list-nodes"): _NODES,
    ("compute", "list-sizes"): "machines are yours: there are no sizes to choose from",
    ("compute", "list-usage"): "machines are yours: there are no quotas",
    ("job", "connect-ssh"): "jobs run on this machine; follow one with tintype job stream",
    ("workspace", "create"): (
        "there is one workspace; TINTYPE_HOME=FOLDER in the environment makes and takes another"
    ),
    ("workspace", "delete"): "remove the folder that tintype workspace show tells as home",
    ("datastore", ""): (
        "say where datastores are mounted in the setting TINTYPE_DATASTORES, a JSON object of "
        "names and folders"
    ),
    ("registry", ""): "the catalog is the one registry: tintype model list --registry-name azureml",
    ("connection", ""): "the workspace needs no connections; tokens of the Hub come by HF_TOKEN",
}
"""(noun, verb), or (noun, "") for all verbs of a noun: what to do instead."""


def refuse_what_is_not_here(arguments: Sequence[str]) -> None:
    """
    Raises:
        UsageError: the arguments begin with one of these; says what to use instead.
    """
    noun, verb = (*arguments[:2], "", "")[:2]
    for key, called in (((noun, verb), f"{noun} {verb}"), ((noun, ""), noun)):
        if key in NOT_HERE:
            raise UsageError(f"{called} does not exist here: {NOT_HERE[key]}")
