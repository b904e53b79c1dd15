"""The labelling store's database: opened, brought up to date, and read and written in transactions.

SQLite in a file of the workspace, or what the setting `labelling_database` says (PostgreSQL where several
machines share it).
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from tintype.errors import MissingExtraError, OutputError, UsageError
from tintype.settings import get_settings

__all__ = ["LATEST", "Database", "open_database", "store_exists", "tolerant_insert"]

LATEST = "0002"
"""The version that this code reads and writes; see migrations/versions."""

_MIGRATIONS = Path(__file__).with_name("migrations")

# How long a writer waits for another one.
_BUSY_MS = 20_000

# PostgreSQL's advisory lock that one process at a time migrates under; any number of our own.
_MIGRATION_LOCK = 7_461_943


class _Turns:
    """A lock that those who wait for it get in the order in which they came: a thread that writes one thing
    after the other lets everybody else in between."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        with self._lock:
            if not self._taken:
                self._taken = True
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        # Until whoever is before gives it on.
        turn.acquire()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


class Database:
    """An engine, and the two kinds of transaction that there are."""

    def __init__(self, engine: Engine) -> None:
        """Prefer `open_database`."""
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        # Threads that write SQLite take turns here: its own waiting is sleeping, up to 100 ms at a time.
        self._turn: contextlib.AbstractContextManager[Any] = (
            _Turns() if self.is_sqlite else contextlib.nullcontext()
        )

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view of what is there.

        Raises:
            OutputError: the database cannot be reached.
        """
        with _told(self.engine), self.engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction, kept when the block succeeds and dropped whole when it does not.

        SQLite has one writer at a time, who waits for the one before.

        Raises:
            OutputError: the disk is full, or the database cannot be reached.
        """
        with (
            _told(self.engine),
            self._turn,
            self.engine.connect().execution_options(tintype_writes=True) as connection,
            connection.begin(),
        ):
            yield connection

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def open_database(uri: str | None = None) -> Database:
    """Open the store and bring it up to `LATEST`; made where there is none.

    Args:
        uri: as SQLAlchemy spells it; None takes the setting `labelling_database`.

    Raises:
        UsageError: the URI is none, or the store was written by a later Tintype.
        MissingExtraError: PostgreSQL, without its driver.
        OutputError: it cannot be reached or written.
    """
    settings = get_settings()
    return _opened(uri or settings.labelling_database or _file(settings.home / "labelling"))


def store_exists() -> bool:
    """Whether there is a store, or one is named: looking at what was labelled makes none."""
    settings = get_settings()
    return bool(settings.labelling_database) or (settings.home / "labelling").is_dir()


def tolerant_insert(dialect: str, row: type[Any]) -> Any:
    """An INSERT into the table of `row` that can say, in either dialect (sqlite or postgresql), what becomes of one
    that is there already: `.on_conflict_do_nothing(...)`, `.on_conflict_do_update(...)`."""
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return insert(row.__table__)


def _file(folder: Path) -> str:
    return f"sqlite:///{folder / 'labelling.db'}"


@cache
def _opened(uri: str) -> Database:
    database = Database(_engine(uri))
    with _told(database.engine):
        _bring_up_to_date(database)
    return database


def _engine(uri: str) -> Engine:
    try:
        url = make_url(uri)
    except ArgumentError:
        raise UsageError(
            "setting TINTYPE_LABELLING_DATABASE: expected sqlite:///FILE or "
            "postgresql://USER:PASSWORD@HOST/DATABASE"
        ) from None
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise UsageError(
            f"setting TINTYPE_LABELLING_DATABASE: {url.drivername} is not supported; use sqlite or "
            "postgresql"
        )
    try:
        engine = create_engine(
            url,
            pool_pre_ping=url.drivername != "sqlite",
            # One for each thread that answers requests, and some for the assistants; those that were
            # used last know most.
            pool_size=48,
            max_overflow=16,
            pool_use_lifo=True,
        )
    except (ImportError, NoSuchModuleError):
        raise MissingExtraError("a labelling store in PostgreSQL", "label") from None
    if engine.dialect.name == "sqlite":
        if url.database:
            _make_folder(Path(url.database).parent)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}") from None


def _prepare_sqlite(connection: Any, _: object) -> None:
    # Transactions begin where this code says, not where the driver guesses.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        # A killed process loses nothing; a power cut may lose the last moments, and damages nothing. To
        # wait for the disk at every action would allow some fifty a second.
        "synchronous=NORMAL",
        "foreign_keys=ON",
        f"busy_timeout={_BUSY_MS}",
        # KiB, of each connection; the system keeps the file's pages for all of them.
        "cache_size=-16384",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its place at once: one that has read before could not become one any more.
    writes = connection.get_execution_options().get("tintype_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _bring_up_to_date(database: Database) -> None:
    if _version(database) == LATEST:
        return
    # Imported only here: a store is brought up to date once.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        version = _version_in(connection)
        if version is not None and version not in known:
            raise UsageError(
                f"the labelling store is of version {version!r}, and this Tintype knows {LATEST!r} "
                "and before: install the Tintype that wrote it, or a later one"
            )
        config.attributes["connection"] = connection
        command.upgrade(config, LATEST)


def _version(database: Database) -> str | None:
    with database.reading() as connection:
        return _version_in(connection)


def _version_in(connection: Connection) -> str | None:
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


@contextlib.contextmanager
def _told(engine: Engine) -> Iterator[None]:
    """What the database has against it, as an error that names the place and not the password."""
    try:
        yield
    except (OperationalError, DBAPIError) as error:
        if not isinstance(error, OperationalError) and not error.connection_invalidated:
            raise
        place = engine.url.render_as_string(hide_password=True)
        reason = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no answer"
        raise OutputError(f"cannot use the labelling store {place}: {reason}") from None
