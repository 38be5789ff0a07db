-- What monitors saw in events, written with the event, until somebody takes it into the monitor's memory.
CREATE TABLE observations (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    monitor_id TEXT NOT NULL,
    key TEXT NOT NULL,
    failed INTEGER NOT NULL,
    value REAL,
    event_id TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX observations_of_key ON observations (monitor_id, key);

-- What a monitor remembers of each key. wake_at is when time alone changes something, NULL for never.
CREATE TABLE standings (
    monitor_id TEXT NOT NULL,
    key TEXT NOT NULL,
    revision INTEGER NOT NULL,
    state TEXT NOT NULL,
    wake_at REAL,
    body TEXT NOT NULL,
    PRIMARY KEY (monitor_id, key)
) WITHOUT ROWID;
CREATE INDEX standings_awake ON standings (wake_at) WHERE wake_at IS NOT NULL;

-- What monitors have to say and nobody has accepted as an event yet.
CREATE TABLE notices (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    instance_id TEXT NOT NULL,
    body BLOB NOT NULL
);

-- When some node took events last, and the times when none did: monitors' clocks stood still.
CREATE TABLE alive (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    at REAL NOT NULL
);

CREATE TABLE outages (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    started_at REAL NOT NULL,
    ended_at REAL NOT NULL
);
