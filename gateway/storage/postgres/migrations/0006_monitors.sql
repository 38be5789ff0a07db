-- What monitors saw in events, written with the event, until somebody takes it into the monitor's memory.
CREATE TABLE observations (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    monitor_id text NOT NULL,
    key text NOT NULL,
    failed boolean NOT NULL,
    value double precision,
    event_id text NOT NULL,
    at double precision NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX observations_of_key ON observations (monitor_id, key);

-- What a monitor remembers of each key. wake_at is when time alone changes something, NULL for never.
CREATE TABLE standings (
    monitor_id text NOT NULL,
    key text NOT NULL,
    revision bigint NOT NULL,
    state text NOT NULL,
    wake_at double precision,
    body text NOT NULL,
    PRIMARY KEY (monitor_id, key)
) WITH (fillfactor = 70);
CREATE INDEX standings_awake ON standings (wake_at) WHERE wake_at IS NOT NULL;

-- What monitors have to say and nobody has accepted as an event yet.
CREATE TABLE notices (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    instance_id text NOT NULL,
    body bytea NOT NULL
);

-- When some node took events last, and the times when none did: monitors' clocks stood still.
CREATE TABLE alive (
    sole smallint PRIMARY KEY CHECK (sole = 1),
    at double precision NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE outages (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at double precision NOT NULL,
    ended_at double precision NOT NULL
);
