-- Incidents: of the rows of a key the one with the highest number is the newest, and only that may be open.
-- wake_at is when time alone may change something, NULL for never.
CREATE TABLE incidents (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    instance_id TEXT NOT NULL,
    key TEXT NOT NULL,
    revision INTEGER NOT NULL,
    state TEXT NOT NULL,
    last_at REAL NOT NULL,
    wake_at REAL,
    body TEXT NOT NULL
);
CREATE INDEX incidents_of_key ON incidents (instance_id, key);
CREATE INDEX incidents_of_state ON incidents (instance_id, state);
CREATE INDEX incidents_awake ON incidents (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX incidents_closed ON incidents (last_at) WHERE state = 'resolved';

-- The incident as of each event that belongs to one, and what the event is in it.
CREATE TABLE incident_events (
    event INTEGER PRIMARY KEY,
    incident_id TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX incident_events_of_incident ON incident_events (incident_id);

-- The first message of an incident that reached somebody.
CREATE TABLE incident_threads (
    incident_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    recipient TEXT NOT NULL,
    delivery_id TEXT NOT NULL,
    answer TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (incident_id, subscription_id, recipient)
) WITHOUT ROWID;
