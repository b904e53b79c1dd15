"""Names of computes: `<home>/computes/<name>.json`.

A name that documents give under `compute` means this machine, unless it was mapped to a Ray cluster here.
"""

from __future__ import annotations

import json
import socket
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel

from tintype.errors import OutputError, TintypeError, UsageError, nearest
from tintype.files import write_json
from tintype.schemas.compute import ComputeDocument
from tintype.schemas.document import written
from tintype.schemas.place import runs_in_ray
from tintype.settings import get_settings
from tintype.workspace.runs import now

__all__ = ["Compute", "ComputeStore", "placed"]

# Where ray:// listens when an address says no port (Ray's own default).
_PORT = 10001

_CONNECT_SECONDS = 5

D = TypeVar("D", bound=BaseModel)


@dataclass(frozen=True)
class Compute:
    """A name for a place where work runs."""

    name: str
    document: dict[str, Any]
    """As it was written, checked."""
    created_on: str = field(default_factory=now)

    @property
    def place(self) -> str:
        """local, ray or ray://host:port."""
        return ComputeDocument.model_validate(self.document).place

    def shown(self) -> dict[str, Any]:
        """The compute as commands print it."""
        document = ComputeDocument.model_validate(self.document)
        return {
            **document.model_dump(mode="json", exclude={"schema_"}, exclude_none=True),
            "description": document.description,
            "size": document.size,
            "location": document.location or "this machine",
            "place": document.place,
            # Of Azure's words the one that is ever true of a record.
            "provisioning_state": "Succeeded",
            "created_on": self.created_on,
            "id": f"azureml:{self.name}",
        }

    def summary(self) -> dict[str, Any]:
        """What of it has room in a line."""
        shown = self.shown()
        kept = ("name", "type", "place", "size", "min_instances", "max_instances")
        return {key: shown.get(key) for key in kept}


class ComputeStore:
    """Reads and writes computes; each write is atomic."""

    def __init__(self, home: Path | None = None) -> None:
        """None takes the workspace of the settings."""
        self._root = (home or get_settings().home) / "computes"

    def save(self, document: ComputeDocument) -> Compute:
        """Keep a compute; one of the same name is replaced.

        Raises:
            OutputError: the workspace cannot be written.
        """
        compute = Compute(document.name, written(document))
        write_json(self._path(document.name), asdict(compute))
        return compute

    def get(self, name: str) -> Compute:
        """The compute called `name`.

        Raises:
            UsageError: there is none; names the nearest.
        """
        found = self.find(name)
        if found is None:
            known = [compute.name for compute in self.list()]
            raise UsageError(
                f"there is no compute {name!r}.{nearest(name, known)} In documents any name means "
                "this machine; tintype compute create --name NAME makes one known"
            )
        return found

    def find(self, name: str) -> Compute | None:
        """The compute called `name`, if there is one."""
        path = self._path(name)
        try:
            return Compute(**json.loads(path.read_text("utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise OutputError(f"cannot read {path}: {error}") from None

    def list(self) -> list[Compute]:
        """All of them, by name."""
        names = sorted(path.stem for path in self._root.glob("[!.]*.json"))
        return [compute for name in names if (compute := self.find(name)) is not None]

    def delete(self, name: str) -> None:
        """Forget a name; documents that give it mean this machine again.

        Raises:
            UsageError: there is none of that name.
        """
        self.get(name)
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        if not name or "/" in name or "\0" in name or name.startswith("."):
            raise UsageError(f"compute name {name!r}: use letters, digits, '-' and '_'")
        return self._root / f"{name}.json"


def placed(document: D) -> D:
    """`document` with the address of a Ray cluster where its `compute` names one.

    Raises:
        TintypeError: the name is mapped to a cluster that cannot be reached.
    """
    given: str | None = getattr(document, "compute", None)
    name = (given or "local").removeprefix("azureml:")
    if name == "local" or "/" in name or (given is not None and runs_in_ray(given)):
        return document
    compute = ComputeStore().find(name)
    if compute is None or compute.place == "local":
        return document
    _check_reachable(compute)
    return document.model_copy(update={"compute": compute.place})


def _check_reachable(compute: Compute) -> None:
    if not compute.place.startswith("ray://"):
        return
    reason = ""
    try:
        address = urlsplit(compute.place)
        where = (address.hostname or "", address.port or _PORT)
        socket.create_connection(where, timeout=_CONNECT_SECONDS).close()
    except ValueError:
        reason = "that is no host and port"
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        raise TintypeError(
            f"compute {compute.name!r} is mapped to the Ray cluster {compute.place}, which cannot be "
            f"reached: {reason}. Start the cluster, or map the name anew: tintype compute attach "
            f"--name {compute.name} --address ray://HOST:PORT"
        )
