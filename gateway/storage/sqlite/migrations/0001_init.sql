PRAGMA application_id = 1953457011;

-- Configuration: one version for all of it, the current entities, and every revision there was.

CREATE TABLE registry (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    version INTEGER NOT NULL
);
INSERT INTO registry (only, version) VALUES (1, 0);

CREATE TABLE entities (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE TABLE revisions (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, id, version)
);

-- Texts that no two entities of a kind may share within an instance: names, CRNs.
CREATE TABLE unique_texts (
    kind TEXT NOT NULL,
    instance_id TEXT NOT NULL,
    text TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (kind, instance_id, text)
) WITHOUT ROWID;

CREATE INDEX unique_texts_of_entity ON unique_texts (kind, id);

-- The ledger. An event's number grows with time; listings and cursors follow it.
-- The data comes last, so that reading the other columns never walks its overflow pages.
CREATE TABLE events (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    instance_id TEXT NOT NULL,
    source_id TEXT NOT NULL,
    received_at REAL NOT NULL,
    registry_version INTEGER NOT NULL,
    form TEXT NOT NULL,
    schema_revision TEXT NOT NULL,
    problems TEXT,
    replaced_by TEXT,
    attributes TEXT NOT NULL,
    vocabulary TEXT NOT NULL,
    data BLOB
);

CREATE INDEX events_of_instance ON events (instance_id);
CREATE INDEX events_quarantined ON events (instance_id) WHERE problems IS NOT NULL;

-- Idempotency keys go by age alone, whatever happens to their events, whose numbers they share: only the
-- narrow index of the keys is in another order than time, and costs an event a page of its own at worst.
CREATE TABLE dedup_keys (
    number INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    event_id TEXT NOT NULL,
    at REAL NOT NULL,
    quarantined INTEGER NOT NULL
);

-- A delivery's number is its event's number times 2^20 plus its place within the event: deliveries of
-- an event are neighbours, and the event is found without a further index.
CREATE TABLE deliveries (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    instance_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    topic_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    destination_id TEXT NOT NULL,
    recipient TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    rescues INTEGER NOT NULL DEFAULT 0,
    epoch INTEGER NOT NULL,
    owner INTEGER,
    due_at REAL NOT NULL,
    created_at REAL NOT NULL,
    settled_at REAL,
    started_at REAL,
    duration REAL,
    code TEXT NOT NULL DEFAULT '',
    detail TEXT NOT NULL DEFAULT '',
    excerpt TEXT NOT NULL DEFAULT ''
);

-- Each index below costs every delivery it holds; only the first two hold one that succeeds at once.
CREATE INDEX deliveries_of_instance ON deliveries (instance_id);
CREATE INDEX deliveries_leased ON deliveries (owner) WHERE state = 'leased';
-- The due index answers a claim, and finds the deliveries of a subscription in a backlog, by itself.
CREATE INDEX deliveries_due ON deliveries (destination_id, due_at, rescues, subscription_id) WHERE state = 'pending';
CREATE INDEX deliveries_suspect ON deliveries (due_at) WHERE state = 'pending' AND rescues >= 3;
CREATE INDEX deliveries_held ON deliveries (destination_id) WHERE state = 'held';
CREATE INDEX deliveries_set_aside ON deliveries (instance_id, state)
    WHERE state IN ('held', 'dead', 'suppressed', 'cancelled', 'folded');

-- Failed tries, and a success that a replay reopened; any other success lives on its delivery.
CREATE TABLE attempts (
    delivery INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    number INTEGER NOT NULL,
    started_at REAL NOT NULL,
    duration REAL NOT NULL,
    reason TEXT NOT NULL,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    excerpt TEXT NOT NULL,
    PRIMARY KEY (delivery, epoch)
) WITHOUT ROWID;

-- What went out last, apart from the delivery so that settling does not move its neighbours.
CREATE TABLE sent (
    delivery INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);

-- How many deliveries stand where, kept with every change: counting a million rows takes too long.
CREATE TABLE tallies (
    state TEXT PRIMARY KEY,
    deliveries INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO tallies (state, deliveries)
VALUES ('pending', 0), ('leased', 0), ('held', 0), ('delivered', 0),
       ('dead', 0), ('suppressed', 0), ('cancelled', 0), ('folded', 0);

-- Each opening of the store; a lease is held by one of them.
CREATE TABLE incarnations (
    number INTEGER PRIMARY KEY,
    owner TEXT NOT NULL UNIQUE,
    opened_at REAL NOT NULL,
    checked_at REAL NOT NULL,
    closed_at REAL
);
