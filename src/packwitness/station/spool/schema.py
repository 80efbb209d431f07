"""The ledger's tables, and how a connection to them is opened."""

import sqlite3
from pathlib import Path

VERSION = 2
"""Raised with every change of the tables; a ledger of another version is refused, not guessed at."""

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE journal (
    bench TEXT NOT NULL, n INTEGER NOT NULL, digest TEXT NOT NULL, kind TEXT NOT NULL,
    statement TEXT NOT NULL, PRIMARY KEY (bench, n)
) WITHOUT ROWID;

CREATE TABLE journal_sent (bench TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;

-- Times: *_ms is UTC in milliseconds, *_ns the monotonic clock of the boot in which the take began.
CREATE TABLE take (
    take TEXT PRIMARY KEY, bench TEXT NOT NULL, n INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('recording', 'closed', 'sealed', 'receipted', 'dropped')),
    kind TEXT NOT NULL, code TEXT NOT NULL, code_kind TEXT NOT NULL, subject TEXT NOT NULL,
    logic TEXT NOT NULL, logic_version TEXT NOT NULL,
    started_ms INTEGER NOT NULL, started_ns INTEGER NOT NULL, pre_roll_ms INTEGER NOT NULL,
    film_from_ms INTEGER, stopped_ms INTEGER, film_until_ms INTEGER,
    outcome TEXT, clock TEXT NOT NULL,
    manifest_digest TEXT, receipted_ms INTEGER,
    announced INTEGER NOT NULL DEFAULT 0, trouble TEXT,
    bytes INTEGER NOT NULL DEFAULT 0  -- of its inits and parts, those that were dropped since too
) WITHOUT ROWID;
CREATE INDEX take_unsent ON take (started_ms) WHERE state IN ('recording', 'closed', 'sealed');
CREATE INDEX take_unsent_of_bench ON take (bench, started_ms)
    WHERE state IN ('recording', 'closed', 'sealed');
CREATE INDEX take_running ON take (bench, n) WHERE state = 'recording';
CREATE INDEX take_kept ON take (receipted_ms) WHERE state = 'receipted';
CREATE UNIQUE INDEX take_number ON take (bench, n);
CREATE INDEX take_started ON take (started_ms, bytes);

-- Takes that were dropped and whose files are still to be deleted.
CREATE TABLE garbage (take TEXT PRIMARY KEY) WITHOUT ROWID;

-- Signed statements, as large as a film is long; kept until the take is dropped (its folder has them too).
CREATE TABLE proof (take TEXT PRIMARY KEY, manifest TEXT NOT NULL, receipt TEXT);

CREATE TABLE camera (
    take TEXT NOT NULL, camera TEXT NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL,
    first_ns INTEGER, dropped_packets INTEGER NOT NULL DEFAULT 0, lost_packets INTEGER NOT NULL DEFAULT 0,
    stalls INTEGER NOT NULL DEFAULT 0, reconnects INTEGER NOT NULL DEFAULT 0,
    timing TEXT NOT NULL DEFAULT 'stream', drift_ppm INTEGER, jitter_ms INTEGER, clock_offset_ms INTEGER,
    looks INTEGER NOT NULL DEFAULT 0, readable INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (take, camera)
) WITHOUT ROWID;

-- audio: the sound as the manifest states it (JSON), NULL where there is none.
CREATE TABLE init (
    take TEXT NOT NULL, camera TEXT NOT NULL, k INTEGER NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL,
    codec TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, timescale INTEGER NOT NULL,
    audio TEXT, uploaded INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (take, camera, k)
) WITHOUT ROWID;

CREATE TABLE part (
    take TEXT NOT NULL, camera TEXT NOT NULL, n INTEGER NOT NULL, init INTEGER NOT NULL,
    size INTEGER NOT NULL, sha256 TEXT NOT NULL, start INTEGER NOT NULL, duration INTEGER NOT NULL,
    key INTEGER NOT NULL, chain TEXT NOT NULL, uploaded INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (take, camera, n)
) WITHOUT ROWID;
CREATE INDEX part_unsent ON part (take, n) WHERE uploaded = 0;

CREATE TABLE gap (
    take TEXT NOT NULL, camera TEXT NOT NULL, at_ms INTEGER NOT NULL, duration_ms INTEGER NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX gap_take ON gap (take, camera);

-- at_ms, body and chain are filled in once film_from is known, for at_ms counts from there.
CREATE TABLE event (
    take TEXT NOT NULL, n INTEGER NOT NULL, kind TEXT NOT NULL, utc_ms INTEGER NOT NULL, data TEXT NOT NULL,
    body TEXT, chain TEXT,
    PRIMARY KEY (take, n)
) WITHOUT ROWID;

CREATE TABLE disclosure (
    take TEXT NOT NULL, commitment TEXT NOT NULL, salt TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (take, commitment)
) WITHOUT ROWID;

CREATE TABLE order_cache (
    channel TEXT NOT NULL, number TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (channel, number)
) WITHOUT ROWID;
CREATE TABLE order_code (code TEXT PRIMARY KEY, channel TEXT NOT NULL, number TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX order_code_order ON order_code (channel, number);
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection whose commits are durable and which waits for another's write instead of failing.

    ``synchronous=FULL`` in WAL mode fsyncs the log at each commit; that is what R1 and R2 stand on. The
    connection may be handed between threads: :class:`~packwitness.station.spool.ledger.Ledger` serialises
    its use.
    """
    db = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    try:
        db.execute("PRAGMA busy_timeout = 10000")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
    except sqlite3.Error:
        db.close()
        raise
    return db


def open_with_version(path: Path) -> tuple[sqlite3.Connection, str | None]:
    """Open a ledger and read the version of its schema; closed again if that fails."""
    db = connect(path)
    try:
        found = db.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    except sqlite3.Error:
        db.close()
        raise
    return db, found and str(found["value"])
