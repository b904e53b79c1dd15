"""Schedules from Python: `Client().schedules`."""

from __future__ import annotations

from collections.abc import Sequence

from tintype.client.azure_errors import not_found_as_azure
from tintype.client.described import Describes, described
from tintype.client.records import Poller
from tintype.endpoints.online.daemon.control import ask_daemon
from tintype.errors import UsageError
from tintype.jobs.scheduled import check_schedule, submit_scheduled
from tintype.schemas.document import Document, apply_overrides, written
from tintype.schemas.schedule import ScheduleDocument, read_schedule
from tintype.workspace.runs import RunRecord
from tintype.workspace.schedules import Schedule, ScheduleStore

__all__ = ["Schedules"]


class Schedules:
    """`client.schedules`: jobs that the daemon submits again and again."""

    def create_or_update(
        self, schedule: ScheduleDocument | Describes, overrides: Sequence[str] = ()
    ) -> Schedule:
        """Keep a document or its YAML file; one of the same name is replaced. The daemon is started.

        Raises:
            UsageError: the document, or the job in it, cannot be used.
            OutputError: the daemon cannot be started.
        """
        if not isinstance(schedule, ScheduleDocument):
            schedule = read_schedule(described(schedule, "schedules", overrides)[0])
        check_schedule(schedule)
        made = ScheduleStore().create(schedule)
        ask_daemon("status")
        return made

    def begin_create_or_update(self, schedule: ScheduleDocument | Describes) -> Poller[Schedule]:
        """`create_or_update`, without waiting for it."""
        return Poller(lambda: self.create_or_update(schedule))

    @not_found_as_azure
    def get(self, name: str) -> Schedule:
        """The schedule called `name`."""
        return ScheduleStore().get(name)

    def update(self, name: str, overrides: Sequence[str]) -> Schedule:
        """Change a schedule by `--set` assignments to its document, and keep it.

        Raises:
            UsageError: there is none of that name, or the document cannot be used any more.
        """
        store = ScheduleStore()
        schedule = store.get(name)
        document = apply_overrides(Document(schedule.document), overrides)
        # The file of its job was read when it was made; paths in it stay relative to that.
        changed = read_schedule(document).model_copy(
            update={"name": name, "base": schedule.checked.base}
        )
        check_schedule(changed)
        return store.change(name, document=written(changed))

    def list(self, *, list_view_type: str = "EnabledOnly") -> list[Schedule]:
        """Schedules by name.

        Args:
            list_view_type: EnabledOnly, DisabledOnly or All, as Azure's `ScheduleListViewType`.
        """
        kept = {"EnabledOnly": (True,), "DisabledOnly": (False,), "All": (True, False)}
        if list_view_type not in kept:
            raise UsageError(
                f"list_view_type {list_view_type!r} given; expected one of {', '.join(kept)}"
            )
        return [each for each in ScheduleStore().list() if each.enabled in kept[list_view_type]]

    def enable(self, name: str) -> Schedule:
        """Let a schedule submit jobs again, from now on. The daemon is started."""
        changed = ScheduleStore().change(name, enabled=True)
        ask_daemon("status")
        return changed

    def begin_enable(self, name: str) -> Poller[Schedule]:
        """`enable`, without waiting for it."""
        return Poller(lambda: self.enable(name))

    def disable(self, name: str) -> Schedule:
        """Let a schedule submit no more jobs."""
        return ScheduleStore().change(name, enabled=False)

    def begin_disable(self, name: str) -> Poller[Schedule]:
        """`disable`, without waiting for it."""
        return Poller(lambda: self.disable(name))

    def trigger(self, name: str) -> RunRecord:
        """Submit a schedule's job now."""
        return submit_scheduled(name)

    def delete(self, name: str) -> None:
        """Forget a schedule; its jobs stay."""
        ScheduleStore().delete(name)

    def begin_delete(self, name: str) -> Poller[None]:
        """`delete`, without waiting for it."""
        return Poller(lambda: self.delete(name))
