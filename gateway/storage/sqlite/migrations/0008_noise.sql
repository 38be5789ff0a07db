-- Deliveries that a policy holds back: what shares a stream is released or folded together, until when at the
-- earliest, the highest rank first. Rows of deliveries that are not held any more mean nothing.
CREATE TABLE holds (
    delivery INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    until REAL NOT NULL,
    rank INTEGER NOT NULL
);
CREATE INDEX holds_of_stream ON holds (stream);
CREATE INDEX holds_by_rank ON holds (stream, rank DESC);

-- For whom a stream is, why its deliveries are held, and when to look at it: one row as long as it has holds.
CREATE TABLE streams (
    stream TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    instance_id TEXT NOT NULL,
    topic_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    destination_id TEXT NOT NULL,
    recipient TEXT NOT NULL,
    wake_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX streams_awake ON streams (wake_at);
CREATE INDEX streams_of_subscription ON streams (subscription_id);

-- Duplicate windows by what is the same: who opened it (origin, a delivery's id), which delivery stands for it
-- now (first: another one once the first is dead), how many it suppressed, and how many the one before it did.
CREATE TABLE windows (
    key BLOB PRIMARY KEY,
    opened_at REAL NOT NULL,
    until REAL NOT NULL,
    origin TEXT NOT NULL,
    first TEXT NOT NULL,
    suppressed INTEGER NOT NULL,
    before INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX windows_of_first ON windows (first);
CREATE INDEX windows_quiet ON windows (until) WHERE suppressed = 0;
CREATE INDEX windows_busy ON windows (until) WHERE suppressed > 0;

-- How many like it were suppressed before a delivery, where there were any.
CREATE TABLE repeats (
    delivery INTEGER PRIMARY KEY,
    number INTEGER NOT NULL
);

-- What was given of each limit and when, as JSON; nothing of it counts any more after `until`.
CREATE TABLE rates (
    stream TEXT PRIMARY KEY,
    log TEXT NOT NULL,
    until REAL NOT NULL
) WITHOUT ROWID;

-- What the last digest of a receiver left for the next one.
CREATE TABLE digest_memories (
    subscription_id TEXT NOT NULL,
    recipient TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (subscription_id, recipient)
) WITHOUT ROWID;

-- What was suppressed for one reason, by number: duplicates of a delivery, what a silence held back.
CREATE INDEX deliveries_suppressed ON deliveries (reason) WHERE state = 'suppressed';
