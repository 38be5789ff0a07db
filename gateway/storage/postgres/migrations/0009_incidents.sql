-- Incidents: of the rows of a key the one with the highest number is the newest, and only that may be open.
-- wake_at is when time alone may change something, NULL for never.
CREATE TABLE incidents (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    instance_id text NOT NULL,
    key text NOT NULL,
    revision integer NOT NULL,
    state text NOT NULL,
    last_at double precision NOT NULL,
    wake_at double precision,
    body text NOT NULL
);
CREATE INDEX incidents_of_key ON incidents (instance_id, key, number);
CREATE INDEX incidents_of_state ON incidents (instance_id, state, number);
CREATE INDEX incidents_awake ON incidents (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX incidents_closed ON incidents (last_at) WHERE state = 'resolved';

-- The incident as of each event that belongs to one, and what the event is in it.
CREATE TABLE incident_events (
    event bigint PRIMARY KEY,
    incident_id text NOT NULL,
    body text NOT NULL
);
CREATE INDEX incident_events_of_incident ON incident_events (incident_id);

-- The first message of an incident that reached somebody.
CREATE TABLE incident_threads (
    incident_id text NOT NULL,
    subscription_id text NOT NULL,
    recipient text NOT NULL,
    delivery_id text NOT NULL,
    answer text NOT NULL,
    at double precision NOT NULL,
    PRIMARY KEY (incident_id, subscription_id, recipient)
);
