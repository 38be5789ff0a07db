-- Configuration: one version for all of it, the current entities, and every revision there was.

CREATE TABLE registry (
    sole smallint PRIMARY KEY CHECK (sole = 1),
    version bigint NOT NULL
);
INSERT INTO registry (sole, version) VALUES (1, 0);

CREATE TABLE entities (
    kind text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE TABLE revisions (
    kind text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    deleted boolean NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (kind, id, version)
);

-- Texts that no two entities of a kind may share within an instance: names, CRNs.
CREATE TABLE unique_texts (
    kind text NOT NULL,
    instance_id text NOT NULL,
    text text NOT NULL,
    id text NOT NULL,
    PRIMARY KEY (kind, instance_id, text)
);
CREATE INDEX unique_texts_of_entity ON unique_texts (kind, id);

-- Each opening of the store by a node; a lease is held by one of them for as long as its heart beats.
-- keyprint is what the keys of the node are recognised by (gateway.security.keyprint);
-- succeeded says that its process lived on under another incarnation: what it held met no crash;
-- version is the configuration that the node routes with, NULL while it has none and serves nobody.
CREATE TABLE incarnations (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner text NOT NULL UNIQUE,
    name text NOT NULL,
    keyprint text NOT NULL,
    version bigint,
    opened_at double precision NOT NULL,
    beat_at double precision NOT NULL,
    ended_at double precision,
    succeeded boolean NOT NULL DEFAULT false
);
CREATE INDEX incarnations_living ON incarnations (beat_at) WHERE ended_at IS NULL;
CREATE INDEX incarnations_ended ON incarnations (ended_at) WHERE ended_at IS NOT NULL;

-- The ledger. An event's number grows with time; listings and cursors follow it.
CREATE SEQUENCE event_numbers;

CREATE TABLE events (
    number bigint PRIMARY KEY,
    id text NOT NULL UNIQUE,
    instance_id text NOT NULL,
    source_id text NOT NULL,
    received_at double precision NOT NULL,
    registry_version bigint NOT NULL,
    form text NOT NULL,
    schema_revision text NOT NULL,
    problems text,
    replaced_by text,
    attributes text NOT NULL,
    vocabulary text NOT NULL,
    data bytea
);
CREATE INDEX events_of_instance ON events (instance_id, number);
CREATE INDEX events_quarantined ON events (instance_id, number) WHERE problems IS NOT NULL;
-- Data is small and mostly unlike any other: trying to compress it costs more than it saves.
ALTER TABLE events ALTER COLUMN data SET STORAGE EXTERNAL;

-- Idempotency keys go by age alone, whatever happens to their events, whose numbers they share.
CREATE TABLE dedup_keys (
    number bigint PRIMARY KEY,
    key bytea NOT NULL UNIQUE,
    event_id text NOT NULL,
    at double precision NOT NULL,
    quarantined boolean NOT NULL
);

-- A delivery's number is its event's number times 2^20 plus its place within the event.
CREATE TABLE deliveries (
    number bigint PRIMARY KEY,
    id text NOT NULL UNIQUE,
    instance_id text NOT NULL,
    event_id text NOT NULL,
    topic_id text NOT NULL,
    subscription_id text NOT NULL,
    destination_id text NOT NULL,
    recipient text NOT NULL,
    state text NOT NULL,
    reason text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    rescues integer NOT NULL DEFAULT 0,
    epoch integer NOT NULL,
    owner integer,
    due_at double precision NOT NULL,
    created_at double precision NOT NULL,
    settled_at double precision,
    started_at double precision,
    duration double precision,
    code text NOT NULL DEFAULT '',
    detail text NOT NULL DEFAULT '',
    excerpt text NOT NULL DEFAULT ''
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX deliveries_of_instance ON deliveries (instance_id, number);
CREATE INDEX deliveries_leased ON deliveries (owner) WHERE state = 'leased';
CREATE INDEX deliveries_due ON deliveries (destination_id, due_at, number) WHERE state = 'pending';
CREATE INDEX deliveries_suspect ON deliveries (due_at, number) WHERE state = 'pending' AND rescues >= 3;
CREATE INDEX deliveries_held ON deliveries (destination_id) WHERE state = 'held';
CREATE INDEX deliveries_set_aside ON deliveries (instance_id, state, number)
    WHERE state IN ('held', 'dead', 'suppressed', 'cancelled', 'folded');

-- Failed tries, and a success that a replay reopened; any other success lives on its delivery.
CREATE TABLE attempts (
    delivery bigint NOT NULL,
    epoch integer NOT NULL,
    number integer NOT NULL,
    started_at double precision NOT NULL,
    duration double precision NOT NULL,
    reason text NOT NULL,
    code text NOT NULL,
    detail text NOT NULL,
    excerpt text NOT NULL,
    PRIMARY KEY (delivery, epoch)
);

CREATE TABLE sent (
    delivery bigint PRIMARY KEY,
    body bytea NOT NULL
);

-- How many deliveries stand where: the sum over all incarnations, each of which writes its own rows, so
-- that nodes never wait for each other here. Numbers of one incarnation may be negative.
CREATE TABLE tallies (
    incarnation integer NOT NULL,
    state text NOT NULL,
    deliveries bigint NOT NULL,
    PRIMARY KEY (incarnation, state)
) WITH (fillfactor = 50);
