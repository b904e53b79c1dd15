"""Names of computes from Python: `Client().compute`."""

from __future__ import annotations

from collections.abc import Sequence

from tintype.client.azure_errors import not_found_as_azure
from tintype.client.described import Describes, described
from tintype.client.records import Poller, Record
from tintype.schemas.compute import ComputeDocument, read_compute
from tintype.workspace.computes import Compute, ComputeStore

__all__ = ["Computes"]


class Computes:
    """`client.compute`; see `workspace.computes`."""

    def create_or_update(
        self, compute: ComputeDocument | Describes, overrides: Sequence[str] = ()
    ) -> Record:
        """Keep a document, its YAML file, or an AmlCompute; a compute of the same name is replaced.

        Raises:
            DocumentError: the document is wrong.
        """
        if not isinstance(compute, ComputeDocument):
            compute = read_compute(described(compute, "compute", overrides)[0])
        return _record(ComputeStore().save(compute))

    def attach(self, compute: ComputeDocument | Describes, overrides: Sequence[str] = ()) -> Record:
        """Map a name to a Ray cluster that is there already."""
        return self.create_or_update(compute, overrides)

    @not_found_as_azure
    def get(self, name: str) -> Record:
        """One compute.

        Raises:
            UsageError: there is none of that name.
        """
        return _record(ComputeStore().get(name))

    def list_sizes(self) -> list[Record]:
        """None: machines are yours, there is nothing to choose from."""
        return []

    def list(self, *, compute_type: str | None = None) -> list[Record]:
        """All computes, by name; of one kind only, where `compute_type` is given."""
        records = [_record(compute) for compute in ComputeStore().list()]
        wanted = compute_type.lower() if compute_type else None
        return [record for record in records if wanted in (None, record.type)]

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
        self, compute: ComputeDocument | Describes, overrides: Sequence[str] = ()
    ) -> Poller[Record]:
        """`create_or_update`, as azure-ai-ml names it."""
        return Poller(lambda: self.create_or_update(compute, overrides))

    def begin_attach(
        self, compute: ComputeDocument | Describes, overrides: Sequence[str] = ()
    ) -> Poller[Record]:
        """`attach`, as azure-ai-ml names it."""
        return Poller(lambda: self.attach(compute, overrides))

    def begin_delete(self, name: str, *, action: str = "Delete") -> Poller[None]:
        """`delete`, as azure-ai-ml names it; Delete and Detach are the same."""
        return Poller(lambda: self.delete(name))


def _record(compute: Compute) -> Record:
    return Record.of("compute", compute.shown())
