"""What a command runs in: its Python, and the variables that it is given."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tintype.errors import UsageError, nearest
from tintype.settings import get_settings
from tintype.workspace.environments import EnvironmentStore

__all__ = ["environment_notice", "python_of", "settled_environment", "variables_for"]

# Of this process's environment, what a program needs to find its way. No keys, tokens or passwords:
# a command that needs one is given it by `environment_variables`.
_PASSED_ON = (
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "XDG_CACHE_HOME",
    "HF_HOME",
    "HF_HUB_OFFLINE",
    "TINTYPE_THREADS",
    "TINTYPE_OFFLINE",
)

# Holds the little of `azureml.core` that scripts of Azure's samples import.
_SITE = Path(__file__).with_name("site")

_NAMED = re.compile(r"azureml:(?P<name>[^:@/]+)(?::(?P<version>[^:@/]+)|@(?P<label>[^:@/]+))?")

# Names of environments that Azure itself provides.
_CURATED = "AzureML-"


def python_of(environment: str | dict[str, Any] | None) -> Path:
    """The interpreter that `environment` of a document means.

    An environment of the workspace that names a `python` has that one; Azure's own environments, images
    and conda files mean the interpreter that runs Tintype.

    Raises:
        UsageError: the workspace has no such environment, or its Python is not there.
    """
    own = Path(sys.executable)
    named = _NAMED.fullmatch(environment) if isinstance(environment, str) else None
    if named is None:
        if isinstance(environment, str) and not environment.startswith("azureml://"):
            raise UsageError(
                f"environment {environment!r} given; expected azureml:NAME@latest, azureml:NAME:1, "
                "or {image: ..., conda_file: ...}"
            )
        return own
    store, name = EnvironmentStore(), named["name"]
    if name not in store.names():
        if name.startswith(_CURATED):
            return own
        raise UsageError(
            f"there is no environment {name!r}.{nearest(name, store.names())} Make it known with "
            f"tintype environment create --name {name} --python FOLDER_OR_INTERPRETER"
        )
    python = store.get(name, named["version"], label=named["label"]).python
    if python is None:
        return own
    found = Path(python) / "bin" / "python" if Path(python).is_dir() else Path(python)
    if not os.access(found, os.X_OK):
        raise UsageError(f"environment {name!r} names the Python {found}, which cannot be run")
    return found


def settled_environment(environment: str | dict[str, Any] | None) -> str | dict[str, Any] | None:
    """`environment` with the version that it means now, where it is one of the workspace.

    Raises:
        UsageError: the workspace has no such environment.
    """
    named = _NAMED.fullmatch(environment) if isinstance(environment, str) else None
    store = EnvironmentStore()
    if named is None or named["name"] not in store.names():
        return environment
    found = store.get(named["name"], named["version"], label=named["label"])
    return f"azureml:{found.name}:{found.version}"


def environment_notice(environment: str | dict[str, Any] | None) -> list[str]:
    """One sentence where an environment is given that means Tintype's own Python."""
    if environment is None or python_of(environment) != Path(sys.executable):
        return []
    given = environment if isinstance(environment, str) else "as it is written out"
    return [f"environment {given} means Tintype's own Python here"]


def variables_for(python: Path, given: dict[str, str]) -> dict[str, str]:
    """All variables of a command: `given`, and what a program needs to find its way and its workspace."""
    settings = get_settings()
    variables = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith("LC_")
    }
    variables |= settings.environment()
    path = os.environ.get("PATH", os.defpath)
    variables |= {
        "PATH": f"{python.parent}{os.pathsep}{path}",
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(settings.cpu_threads)),
        "MLFLOW_TRACKING_URI": _without_password(settings.resolved_tracking_uri),
    }
    if python == Path(sys.executable):
        paths = [os.environ.get("PYTHONPATH", "")]
        if importlib.util.find_spec("azureml") is None:
            paths.append(str(_SITE))
        variables["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    else:
        variables["VIRTUAL_ENV"] = str(python.parent.parent)
    return {**variables, **given}


def _without_password(uri: str) -> str:
    """A server's address without the name and password in it."""
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
