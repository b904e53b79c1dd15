"""What a server of labelling keeps beside its requests, from the first that needs it until it stops: the store, the
assistants, and whatever an earlier server was killed in the midst of."""

from __future__ import annotations

import logging
import sys
import threading
from typing import Any

from tintype.errors import OutputError, TintypeError
from tintype.labelling.allowed_folders import AllowedFolders
from tintype.labelling.assistance.assistants_apart import AssistantsApart
from tintype.labelling.database import Database, open_database, store_exists
from tintype.labelling.doing import finish_actions
from tintype.labelling.password_tries import PasswordTries
from tintype.labelling.projects import store_revision
from tintype.labelling.server.visitors import Labelling

__all__ = ["LabellingService"]

_LOG = logging.getLogger(__name__)

_SWITCH_SECONDS = 0.0005


class LabellingService:
    """Opens the store at its first use. The assistants' process begins when a project is opened."""

    def __init__(
        self,
        *,
        local: bool,
        folders: AllowedFolders | None = None,
        tries: PasswordTries | None = None,
        in_studio: bool = False,
    ) -> None:
        """See `Labelling`."""
        self._local, self._folders = local, folders or AllowedFolders()
        self._tries, self._in_studio = tries, in_studio
        self._opening = threading.Lock()
        self._labelling: Labelling | None = None
        self._database: Database | None = None
        self._assistants: AssistantsApart | None = None
        self._finishing: threading.Thread | None = None
        self._stop = threading.Event()

    def labelling(self) -> Labelling:
        """What the routes share.

        Raises:
            OutputError: the store cannot be used, or the server stops.
        """
        with self._opening:
            if self._labelling is None:
                self._labelling = self._opened()
            return self._labelling

    def stamp(self) -> Any:
        """Another one whenever something of the projects has changed; None where there is no store."""
        if not store_exists():
            return None
        with self.labelling().database.reading() as connection:
            return store_revision(connection)

    def close(self) -> None:
        """End the assistants' process and what works beside the requests, and give the store back."""
        self._stop.set()
        with self._opening:
            if self._assistants is not None:
                self._assistants.close()
            if self._finishing is not None:
                self._finishing.join()
            if self._database is not None:
                self._database.close()

    def _opened(self) -> Labelling:
        if self._stop.is_set():
            raise OutputError("the server stops")
        self._database = database = open_database()
        self._assistants = assistants = AssistantsApart(database)
        # A request gives the interpreter away at each statement, and waits so long for it where an export or an
        # action about many pictures has it; by default 5 ms, a dozen times a request.
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._finishing = threading.Thread(
            target=_finish_actions, args=(database, self._stop), daemon=True
        )
        self._finishing.start()
        return Labelling(
            database,
            assistants,
            self._folders,
            local=self._local,
            tries=self._tries,
            in_studio=self._in_studio,
        )


def _finish_actions(database: Database, stop: threading.Event) -> None:
    """Those in whose midst a server was killed; people need not wait for them."""
    try:
        finish_actions(database, stop=stop)
    except TintypeError as error:
        _LOG.warning("an action about many pictures is left half done: %s", error)
