"""The SQLite file of an embedded gallery: its schema, durable transactions, and SQLite's errors in our words.

WAL with `synchronous=FULL`: a commit returns when the log is on the disk (https://sqlite.org/wal.html, pragma
synchronous). `secure_delete=ON`: deleted content is overwritten with zeros.
"""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from lookalike.atomic_files import sync_folder
from lookalike.errors import ArtefactError, InputError, StorageError
from lookalike.gallery.failpoints import reached
from lookalike.gallery.file_helper import overwrite_unused
from lookalike.gallery.file_locks import locked
from lookalike.gallery.page_remains import Remains, frames_in
from lookalike.gallery.sealing import PLAIN, Sealing

__all__ = ["FILE_NAME", "FORMAT_VERSION", "KIND_TABLE", "SCHEMA", "VERSION_3", "VERSION_4", "Database"]

_log = logging.getLogger(__name__)

#: The file that is locked by who writes.
_WRITING = "writing.lock"

#: Version 2 says what the gallery holds (`kind`), version 3 names its segments (`segment`), version 4 keeps tags, acts
#: that can be undone, an audit log and vectors of a second model; earlier ones are migrated when they are opened.
FORMAT_VERSION = 4
FILE_NAME = "gallery.sqlite3"
#: "LKGL", in the file's header, tells a gallery from other SQLite files.
APPLICATION_ID = 0x4C4B474C
_CHECKPOINT_MS = 20
#: Pages in the log from which on it is moved into the file after a write, and bytes that its file keeps then: writing
#: over what is there is quicker than making the file longer.
_LONG_LOG, _KEPT_LOG = 1000, 4 << 20

#: What the gallery holds; without a row while nothing was enrolled.
KIND_TABLE = "CREATE TABLE kind (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), kind TEXT NOT NULL)"

#: The triggers that keep the counts of `tally`, by name.
_COUNTING = {
    f"{table}_{event}": f"CREATE TRIGGER {table}_{event} AFTER {event} ON {table} BEGIN "
    f"UPDATE tally SET {column} = {column} {sign} 1; END"
    for table, column in (("identity", "identities"), ("template", "templates"))
    for event, sign in (("INSERT", "+"), ("DELETE", "-"))
}

#: The index segments that count, see `gallery.segments`; how many rows there are, because counting a million takes
#: longer than searching them; and how often the segments were others (`layout`).
VERSION_3 = (
    """CREATE TABLE segment (
    name TEXT PRIMARY KEY, kind TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    templates INTEGER NOT NULL, change_id INTEGER NOT NULL, scrubbed INTEGER NOT NULL)""",
    """CREATE TABLE tally (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1), identities INTEGER NOT NULL, templates INTEGER NOT NULL,
    layout INTEGER NOT NULL)""",
    "INSERT INTO tally VALUES (1, (SELECT count(*) FROM identity), (SELECT count(*) FROM template), 0)",
    "CREATE TRIGGER segment_INSERT AFTER INSERT ON segment BEGIN UPDATE tally SET layout = layout + 1; END",
    *_COUNTING.values(),
)

#: What version 4 adds, by concept.
#: Tags of identities; acts that can be undone, with the identities that took part as they were before and the
#: templates that each gave away; idempotency keys. Rows that tell of a template are deleted with it, an act
#: with its last one; the digest of an enrolment, by which a name could be guessed, is emptied when a part is forgotten.
ACT_TABLES: tuple[str, ...] = (
    "ALTER TABLE template ADD COLUMN quality REAL",
    """CREATE TABLE tag (
    identity_id INTEGER NOT NULL REFERENCES identity ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (identity_id, key)) WITHOUT ROWID""",
    "CREATE INDEX tag_by_value ON tag (key, value)",
    """CREATE TABLE act (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, at TEXT NOT NULL, templates INTEGER NOT NULL,
    tags TEXT NOT NULL, undone INTEGER NOT NULL DEFAULT 0)""",
    """CREATE TABLE act_name (
    id INTEGER PRIMARY KEY, act_id INTEGER NOT NULL REFERENCES act ON DELETE CASCADE, name TEXT NOT NULL,
    becomes TEXT NOT NULL, created_at TEXT NOT NULL, tags TEXT NOT NULL)""",
    *(f"CREATE INDEX act_name_by_{column} ON act_name ({column})" for column in ("act_id", "name", "becomes")),
    """CREATE TABLE template_move (
    template_id INTEGER NOT NULL REFERENCES template ON DELETE CASCADE,
    name_id INTEGER NOT NULL REFERENCES act_name ON DELETE CASCADE,
    PRIMARY KEY (template_id, name_id)) WITHOUT ROWID""",
    "CREATE INDEX template_move_by_name ON template_move (name_id)",
    """CREATE TRIGGER template_move_DELETE AFTER DELETE ON template_move BEGIN
    DELETE FROM act WHERE id = (SELECT act_id FROM act_name WHERE id = OLD.name_id) AND NOT EXISTS (
        SELECT 1 FROM template_move JOIN act_name ON act_name.id = name_id WHERE act_id = act.id);
    DELETE FROM act_name WHERE id = OLD.name_id AND NOT EXISTS (
        SELECT 1 FROM template_move WHERE name_id = OLD.name_id);
    END""",
    """CREATE TABLE enrolled_key (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, digest BLOB, answer TEXT NOT NULL, at TEXT NOT NULL)""",
    "CREATE INDEX enrolled_key_by_time ON enrolled_key (at)",
    """CREATE TABLE key_template (
    template_id INTEGER NOT NULL REFERENCES template ON DELETE CASCADE,
    key_id INTEGER NOT NULL REFERENCES enrolled_key ON DELETE CASCADE,
    PRIMARY KEY (template_id, key_id)) WITHOUT ROWID""",
    "CREATE INDEX key_template_by_key ON key_template (key_id)",
    """CREATE TRIGGER key_template_DELETE AFTER DELETE ON key_template BEGIN
    UPDATE enrolled_key SET digest = NULL WHERE id = OLD.key_id; END""",
)
#: The audit log, see `gallery.audit`, to which entries are only added; by what identities stand in it; what is logged.
AUDIT_TABLES: tuple[str, ...] = (
    """CREATE TABLE audit (
    n INTEGER PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, act TEXT NOT NULL, subjects TEXT NOT NULL,
    details TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL)""",
    *(
        f"CREATE TRIGGER audit_{event} BEFORE {event} ON audit BEGIN "
        "SELECT RAISE(ABORT, 'the audit log is only added to'); END"
        for event in ("UPDATE", "DELETE")
    ),
    """CREATE TRIGGER audit_INSERT BEFORE INSERT ON audit
    WHEN NEW.n <> (SELECT coalesce(max(n), 0) + 1 FROM audit)
    BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END""",
    """CREATE TABLE audit_subject (
    identity_id INTEGER PRIMARY KEY REFERENCES identity ON DELETE CASCADE, pseudonym BLOB NOT NULL)""",
    "CREATE TABLE audit_policy (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), policy TEXT NOT NULL)",
    "INSERT INTO audit_policy VALUES (1, 'acts')",
)
#: What a change of the model needs, see `gallery.model_upgrade`: of every template the vector of a second model (empty
#: where it has none) and its digest, which differs from those of all other templates; which have one (`vectors` counts,
#: because counting a million takes longer than embedding one); the change at which the model last became another.
UPGRADE_TABLES: tuple[str, ...] = (
    "ALTER TABLE template ADD COLUMN other_vector BLOB NOT NULL DEFAULT x''",
    "ALTER TABLE template ADD COLUMN other_digest BLOB NOT NULL DEFAULT x''",
    """CREATE TABLE other_model (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    fingerprint TEXT NOT NULL, name TEXT NOT NULL, metric TEXT NOT NULL, dimension INTEGER NOT NULL,
    state TEXT NOT NULL, since TEXT NOT NULL, vectors INTEGER NOT NULL)""",
    "CREATE TABLE embedded_template (template_id INTEGER PRIMARY KEY REFERENCES template ON DELETE CASCADE)",
    *(
        f"CREATE TRIGGER embedded_template_{event} AFTER {event} ON embedded_template BEGIN "
        f"UPDATE other_model SET vectors = vectors {sign} 1; END"
        for event, sign in (("INSERT", "+"), ("DELETE", "-"))
    ),
    "CREATE TABLE model_switch (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), change_id INTEGER NOT NULL)",
    "CREATE TABLE model_calibration (fingerprint TEXT PRIMARY KEY, calibration TEXT NOT NULL)",
    """CREATE TABLE kept_picture (
    template_id INTEGER PRIMARY KEY REFERENCES template ON DELETE CASCADE, picture BLOB NOT NULL)""",
)
VERSION_4 = (*ACT_TABLES, *AUDIT_TABLES, *UPGRADE_TABLES)

# A row of `change` is written by every transaction that enrolls or forgets; indexes follow it. Its random token tells
# whether a cache on disk belongs to this history or to the one before a backup was restored.
# AUTOINCREMENT: the id of a deleted row is never given out again.
_TABLES = f"""
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE model (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    fingerprint TEXT NOT NULL, name TEXT NOT NULL, metric TEXT NOT NULL, dimension INTEGER NOT NULL);
CREATE TABLE change (id INTEGER PRIMARY KEY AUTOINCREMENT, token BLOB NOT NULL);
CREATE TABLE identity (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, created_at TEXT NOT NULL);
CREATE TABLE template (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    identity_id INTEGER NOT NULL REFERENCES identity ON DELETE CASCADE,
    change_id INTEGER NOT NULL REFERENCES change,
    vector BLOB NOT NULL, digest BLOB NOT NULL, source TEXT NOT NULL, enrolled_at TEXT NOT NULL,
    UNIQUE (identity_id, digest));
CREATE INDEX template_by_change ON template (change_id);
CREATE TABLE tombstone (
    template_id INTEGER PRIMARY KEY, change_id INTEGER NOT NULL REFERENCES change, forgotten_at TEXT NOT NULL);
CREATE INDEX tombstone_by_change ON tombstone (change_id);
{KIND_TABLE};
{"; ".join([*VERSION_3, *VERSION_4])};
"""
_END = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {FORMAT_VERSION};
COMMIT;
"""
#: The statements that make a new gallery.
SCHEMA = _TABLES + _END


class Database:
    """Connections to one file: one that writes, shared by the threads of a process under `lock`, and some that read.

    Who reads sees the state in which the transaction began, and neither waits for a writer nor keeps one waiting (WAL).
    Statements inside `read` go to the thread's own connection, all others to the one that writes: hold `lock` for them.

    Args:
        folder: the gallery's directory.
        create: make it when it is not there.
        timeout: seconds to wait for another process's lock.
        also: statements that make further tables of a new gallery, from its first moment on.

    Attributes:
        sealing: how what is stored of a person becomes bytes; whoever opens an encrypted gallery puts it there.
        actor: whom the audit log names; the same.

    Attributes:
        read_only: whether the disk is mounted so, and nobody uses the gallery from elsewhere just now.

    Raises:
        ArtefactError: missing (with `create=False`), damaged, not a gallery, or of a newer version.
        StorageError: the disk is full, read-only or failing.
    """

    sealing: Sealing = PLAIN
    actor = "unknown"

    def __init__(self, folder: Path, create: bool, timeout: float, also: Sequence[str] = ()) -> None:
        self._schema = "".join([_TABLES, *(f"{statement};\n" for statement in also), _END])
        self.folder, self.file, self.timeout = folder, folder / FILE_NAME, timeout
        self.lock, self.read_only = threading.RLock(), False
        self._remains, self._long = Remains(self.file), _LONG_LOG
        self._connection: sqlite3.Connection | None = None
        self._waiting: list[sqlite3.Connection] = []  # to be used by the next who reads
        self._of_thread = threading.local()  # `reader`: the connection of a thread that is inside `read`
        self._process = os.getpid()
        with self.errors("opened"):
            if not self.file.exists():
                self._create(create)
            self.read_only = _read_only_disk(self.folder) and not self._log.exists()
            self._clear_unfinished()
            self._check_size(512)
            self._connection = self._connect(self.file)
            try:
                self._check_size(int(self.one("PRAGMA page_size")[0]))
                self._check()
            except BaseException:
                self._close()
                raise
        _OPEN.add(self)

    # --- opening ------------------------------------------------------------------------------------------

    def _connect(self, file: Path) -> sqlite3.Connection:
        # On a read-only disk SQLite cannot make the files by which connections to a log agree; without a log, none are
        # needed (https://sqlite.org/uri.html, immutable).
        name = f"{file.absolute().as_uri()}?mode=ro&immutable=1" if self.read_only else str(file)
        connection = sqlite3.connect(
            name, timeout=self.timeout, isolation_level=None, check_same_thread=False, uri=self.read_only
        )
        # cell_size_check and trusted_schema: the file may come from somebody else.
        for pragma in ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON", "temp_store = MEMORY",
                       "cell_size_check = ON", "trusted_schema = OFF", "wal_autocheckpoint = 0",
                       f"journal_size_limit = {_KEPT_LOG}"):  # fmt: skip
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _create(self, create: bool) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise ArtefactError(f"{self.folder} is a file; a gallery is a directory, give its path")
        others = (
            [p.name for p in self.folder.iterdir() if not p.name.startswith(".new-")] if self.folder.exists() else []
        )
        if FILE_NAME in others:
            return  # made by another process since we looked
        if others:
            raise ArtefactError(
                f"{self.folder} holds {sorted(others)[0]!r} but no {FILE_NAME}: it is no gallery, or a damaged one; "
                "give another path, or restore the file from a backup"
            )
        if not create:
            raise ArtefactError(f"{self.folder} is not there; enroll somebody first, or give the path of a gallery")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made under another name and linked when complete: a file called gallery.sqlite3 without tables is
        # damage, never a creation that was killed, and an emptied gallery does not pass for a new one.
        fresh = self.folder / f".new-{os.getpid()}-{secrets.token_hex(4)}"
        try:
            with closing(self._connect(fresh)) as connection:
                connection.executescript(self._schema)
            overwrite_unused(str(fresh), None)  # nobody else has it open
            reached("database of a new gallery written")
            os.link(fresh, self.file)
            reached("database of a new gallery linked")
            self._remains.begin()
        except (sqlite3.Error, OSError):
            # Another process was faster: its gallery is as good, and it has cleared our unfinished file away, which
            # SQLite reports as whatever it was doing at that moment.
            if not self.file.exists():
                for left in self.folder.glob(f"{fresh.name}*"):
                    left.unlink(missing_ok=True)
                raise
        for folder in (self.folder, self.folder.parent):
            sync_folder(folder)

    def _clear_unfinished(self) -> None:
        """Delete what a creation that was killed left; where it was linked already, a second name of the file."""
        with suppress(OSError):  # a read-only disk
            for left in self.folder.glob(".new-*"):
                left.unlink(missing_ok=True)

    @property
    def _log(self) -> Path:
        """The write-ahead log, which is there while somebody uses the gallery."""
        return self.file.with_name(f"{FILE_NAME}-wal")

    def _check_size(self, page: int) -> None:
        """Refuse a file that is cut short: no multiple of its pages, which are multiples of 512 bytes."""
        # SQLite reads a last page that was cut short as if it ended in zeros. While a log is there, it may hold
        # the rest of a page whose writing was interrupted.
        with suppress(FileNotFoundError):  # not asked whether it is there: who used it last may just delete it
            if self._log.stat().st_size:
                return
        # The file is not opened here: closing it would end the locks of another connection of this process.
        size = self.file.stat().st_size
        if size < 512 or size % page:
            raise ArtefactError(f"{self.file} is damaged (cut short); restore it from a backup")

    def _check(self) -> None:
        application, version = self.one("PRAGMA application_id")[0], self.version()
        if application != APPLICATION_ID:
            raise ArtefactError(f"{self.file} is a database, but not a gallery of Lookalike; give another path")
        if version > FORMAT_VERSION:
            raise ArtefactError(
                f"{self.folder} has format version {version}, this Lookalike reads up to {FORMAT_VERSION}; upgrade it"
            )
        # Reading the schema touches the tables' roots: a file cut short is found now.
        for table in ("model", "change", "identity", "template", "tombstone", *(["kind"] if version >= 2 else [])):
            self.one(f"SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT 1)")
        if self.read_only:
            return
        mode = self.one("PRAGMA journal_mode = WAL")[0]
        if mode != "wal":
            raise StorageError(
                f"{self.folder}: the file system cannot hold a write-ahead log ({mode}); use a local disk"
            )

    # --- using --------------------------------------------------------------------------------------------

    def run(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> sqlite3.Cursor:
        """Execute one statement."""
        self._check_usable()
        assert self._connection is not None
        reader: sqlite3.Connection | None = getattr(self._of_thread, "reader", None)
        return (self._connection if reader is None else reader).execute(sql, values)

    def run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Execute one statement that writes, for every row of values."""
        self._check_usable()
        assert self._connection is not None
        self._connection.executemany(sql, rows)

    def next_id(self, table: str) -> int:
        """The id that the next row of a table gets; those of deleted rows are not given out again."""
        return int(self.one("SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = ?", (table,))[0])

    @contextmanager
    def counted_at_once(self) -> Iterator[None]:
        """Insert many rows into `identity` and `template`, and delete none; call inside a transaction.

        The tally is brought up to date at the end, by the ids that were given out. Row by row, SQLite would write the
        tally's page to the log whenever its cache is full of new pages, and look for it there for the next row, three
        times as long as it takes to write the rows.
        """
        counting = [name for name in _COUNTING if name.endswith("_INSERT")]
        before = {table: self.next_id(table) for table in ("identity", "template")}
        for name in counting:
            self.run(f"DROP TRIGGER {name}")
        yield
        inserted = {table: self.next_id(table) - first for table, first in before.items()}
        self.run("UPDATE tally SET identities = identities + :identity, templates = templates + :template", inserted)
        for name in counting:
            self.run(_COUNTING[name])

    def _check_usable(self) -> None:
        if self._connection is None:
            raise InputError(f"the gallery {self.folder} is closed; open it again")
        if self._process != os.getpid():
            # SQLite's locks do not survive a fork; going on could damage the file.
            raise InputError(f"the gallery {self.folder} was opened before a fork; open it again in this process")

    def one(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> Any:
        """The first row of the answer, or None."""
        return self.run(sql, values).fetchone()

    def version(self) -> int:
        """The format version of the file."""
        return int(self.one("PRAGMA user_version")[0])

    def latest_change(self) -> int:
        """The number of the last change; 0 before the first."""
        return int(self.one("SELECT coalesce(max(id), 0) FROM change")[0])

    @contextmanager
    def errors(self, done: str) -> Iterator[None]:
        """Turn SQLite's and the system's errors into ours; `done` says what could not be done."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            where = f"{self.folder} could not be {done}"
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise StorageError(f"{where}: locked by another program for {self.timeout:g} s; try again") from error
            if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
                        sqlite3.SQLITE_PERM):  # fmt: skip
                raise StorageError(
                    f"{where}: {error}; free or repair the disk, what was enrolled before is safe"
                ) from error
            if (
                code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
                or "no such table" in str(error)
                or ("Could not decode to UTF-8" in str(error))
            ):
                raise ArtefactError(f"{self.file} is damaged ({error}); restore it from a backup") from error
            raise
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise StorageError(
                f"{self.folder} could not be {done}: {error.strerror or error}; free or repair the disk"
            ) from error

    @contextmanager
    def read(self, done: str) -> Iterator[None]:
        """One consistent view of the database for several statements, as it is at the first; nobody waits for it.

        Inside another `read` of the same thread: the same view.
        """
        if getattr(self._of_thread, "reader", None) is not None:
            yield
            return
        with self.errors(done):
            reader = self._reader()
            self._of_thread.reader = reader
            try:
                self.run("BEGIN")
                yield
            finally:
                self._of_thread.reader = None
                self._end("COMMIT", reader)
                self._waiting.append(reader)
                if self.closed:
                    self._close_waiting()

    def copy_into(self, other: sqlite3.Connection) -> None:
        """Copy all into another file, in the state that the transaction of `read` sees; call inside it."""
        self._of_thread.reader.backup(other)

    def _reader(self) -> sqlite3.Connection:
        """A connection that nobody uses."""
        self._check_usable()
        try:
            return self._waiting.pop()
        except IndexError:
            reader = self._connect(self.file)
            reader.execute("PRAGMA query_only = ON")
            return reader

    @contextmanager
    def write(self, done: str, wait: bool = True) -> Iterator[None]:
        """A transaction that is on the disk when it returns, or has changed nothing."""
        with self.lock, self.errors(done):
            self._check_usable()
            with self._alone(wait) as alone:
                if not alone:
                    waited = f"locked by another program for {self.timeout if wait else 0:g} s"
                    raise StorageError(f"{self.folder} could not be {done}: {waited}; try again")
                try:
                    self._begin(wait)
                    yield
                    self.sealing.before_commit()
                    self.run("COMMIT")
                except BaseException:
                    self._end("ROLLBACK", self._connection)
                    self.sealing.after_rollback()
                    raise
            self._shorten_log()

    def _alone(self, wait: bool) -> AbstractContextManager[bool]:
        """Whether nobody else writes or empties the log, in this process or another; held until the end.

        So between noting which pages of the log have remains and emptying it, nothing is added to it. On Windows, what
        is added in between keeps its remains until it is written again.
        """
        return locked(self.folder / _WRITING, self.timeout if wait else 0)

    def _shorten_log(self) -> None:
        """Move the log into the file where it is long and nobody reads an older state."""
        # SQLite would do so at a commit, before anybody noted which pages have remains.
        try:
            pages = frames_in(self._log)
            if pages >= self._long:
                self._long = _LONG_LOG if self._empty_log(0, keep=True) else 2 * pages
        except (StorageError, sqlite3.Error, OSError) as error:  # what was written is safe in the log
            _log.warning("the log of %s could not be shortened: %s", self.folder, error)

    def _begin(self, wait: bool) -> None:
        try:
            if not wait:
                self.run("PRAGMA busy_timeout = 0")
            self.run("BEGIN IMMEDIATE")
        finally:
            if not wait:
                self.run(f"PRAGMA busy_timeout = {int(self.timeout * 1000)}")

    def _end(self, how: str, connection: sqlite3.Connection | None) -> None:
        # After some errors SQLite has rolled back by itself; after a fork the transaction is the other process's.
        if connection is not None and self._process == os.getpid() and connection.in_transaction:
            connection.execute(how)

    def scrub(self, wait: bool = True) -> bool:
        """Move the log into the database and empty it, so that no deleted content stays in it or in unused parts.

        Returns:
            False when another program kept reading and the log could not be emptied.
        """
        until = time.monotonic() + (self.timeout if wait else 0)
        with self.lock, self.errors("scrubbed"):
            # Asked again and again: within one call SQLite waits for a moment without any reader, which may never
            # come; a new call sees that those who read meanwhile read the newest state, and is content.
            while not self._empty_log(_CHECKPOINT_MS if wait else 0):
                if time.monotonic() >= until:
                    return False
            return True

    def _empty_log(self, wait_ms: int, keep: bool = False) -> bool:
        """Move the log into the database and empty it, and overwrite what remains in unused parts of pages.

        Args:
            wait_ms: for readers, and for another program that writes.
            keep: begin the log anew, but leave its bytes, and what remains, until it is emptied.

        Returns:
            False when somebody reads an older state, or writes.
        """
        with self.lock, self._alone(wait=wait_ms > 0) as alone:
            if not alone:
                return False
            self._remains.note()
            reached("remains noted")
            try:
                self.run(f"PRAGMA busy_timeout = {wait_ms}")
                if self.one(f"PRAGMA wal_checkpoint({'RESTART' if keep else 'TRUNCATE'})")[0]:
                    return False
                reached("log emptied")
                return keep or not self._remains.pending or self._overwrite_remains()
            finally:
                self.run(f"PRAGMA busy_timeout = {int(self.timeout * 1000)}")

    def _overwrite_remains(self) -> bool:
        self.run("BEGIN IMMEDIATE")
        try:
            if self._log.stat().st_size:  # an earlier version of this program writes, too
                return False
            if self._remains.overwrite():
                # Whoever holds pages as they were would write them back: this connection lets go of them, and all
                # others do when something was written, be it what stood there before.
                self.run("PRAGMA shrink_memory")
                self.run(f"PRAGMA user_version = {self.version()}")
            self.run("COMMIT")
        finally:
            self._end("ROLLBACK", self._connection)
        self._remains.done()
        return True

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._connection is None

    def close(self) -> None:
        """Empty the log where nobody reads, and close; SQLite clears the log away when it was the last one."""
        with self.lock:
            self._leave()
            self._close()

    def _leave(self) -> None:
        """Empty the log before SQLite does, where nobody reads; else the next one does."""
        with self.lock, suppress(StorageError, sqlite3.Error, OSError):
            connection = self._connection
            if connection is None or self._process != os.getpid() or self.read_only or connection.in_transaction:
                return
            if self._log.stat().st_size:
                self._empty_log(wait_ms=0)

    def __del__(self) -> None:
        with suppress(AttributeError):  # it was never opened
            self.close()

    def _close(self) -> None:
        with self.lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None
            self._close_waiting()
            self.sealing.close()

    def _close_waiting(self) -> None:
        """Close what nobody uses; who still reads closes the own connection at the end."""
        if self._process != os.getpid():
            return
        while True:
            try:
                self._waiting.pop().close()
            except IndexError:
                return


#: Those that are open: SQLite empties the log when the last connection ends, noting nothing.
_OPEN: weakref.WeakSet[Database] = weakref.WeakSet()


@atexit.register
def _leave_all() -> None:
    for database in list(_OPEN):
        database._leave()


def _read_only_disk(folder: Path) -> bool:
    """Whether the file system is mounted read-only; False where the system does not tell."""
    return hasattr(os, "statvfs") and bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
