"""Names of computes from Python: `Client().compute`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tintype.client.records import Poller
from tintype.schemas.compute import ComputeDocument, load_compute
from tintype.workspace.computes import Compute, ComputeStore

__all__ = ["Computes"]


class Computes:
    """`client.compute`; see `workspace.computes`."""

    def create_or_update(
        self, compute: ComputeDocument | str | Path, overrides: Sequence[str] = ()
    ) -> Compute:
        """Keep a document, or the YAML file of one; a compute of the same name is replaced.

        Raises:
            DocumentError: the document is wrong.
        """
        if not isinstance(compute, ComputeDocument):
            compute = load_compute(Path(compute), overrides)
        return ComputeStore().save(compute)

    def attach(
        self, compute: ComputeDocument | str | Path, overrides: Sequence[str] = ()
    ) -> Compute:
        """Map a name to a Ray cluster that is there already."""
        return self.create_or_update(compute, overrides)

    def get(self, name: str) -> Compute:
        """One compute.

        Raises:
            UsageError: there is none of that name.
        """
        return ComputeStore().get(name)

    def list(self) -> list[Compute]:
        """All computes, by name."""
        return ComputeStore().list()

    def delete(self, name: str) -> None:
        """Forget a name; documents that give it mean this machine again.

        Raises:
            UsageError: there is none of that name.
        """
        ComputeStore().delete(name)

    def detach(self, name: str) -> None:
        """The same as `delete`."""
        self.delete(name)

    def begin_create_or_update(
        self, compute: ComputeDocument | str | Path, overrides: Sequence[str] = ()
    ) -> Poller[Compute]:
        """`create_or_update`, as azure-ai-ml names it."""
        return Poller(lambda: self.create_or_update(compute, overrides))

    def begin_attach(
        self, compute: ComputeDocument | str | Path, overrides: Sequence[str] = ()
    ) -> Poller[Compute]:
        """`attach`, as azure-ai-ml names it."""
        return Poller(lambda: self.attach(compute, overrides))

    def begin_delete(self, name: str) -> Poller[None]:
        """`delete`, as azure-ai-ml names it."""
        return Poller(lambda: self.delete(name))
