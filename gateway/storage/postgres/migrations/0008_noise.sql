-- Deliveries that a policy holds back: what shares a stream is released or folded together, until when at the
-- earliest, the highest rank first. Rows of deliveries that are not held any more mean nothing.
CREATE TABLE holds (
    delivery bigint PRIMARY KEY,
    stream text NOT NULL,
    until double precision NOT NULL,
    rank integer NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX holds_of_stream ON holds (stream, delivery);
CREATE INDEX holds_by_rank ON holds (stream, rank DESC, delivery);

-- For whom a stream is, why its deliveries are held, and when to look at it: one row as long as it has holds.
CREATE TABLE streams (
    stream text PRIMARY KEY,
    reason text NOT NULL,
    instance_id text NOT NULL,
    topic_id text NOT NULL,
    subscription_id text NOT NULL,
    destination_id text NOT NULL,
    recipient text NOT NULL,
    wake_at double precision NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX streams_awake ON streams (wake_at);
CREATE INDEX streams_of_subscription ON streams (subscription_id);

-- Duplicate windows by what is the same: who opened it (origin, a delivery's id), which delivery stands for it
-- now (first: another one once the first is dead), how many it suppressed, and how many the one before it did.
CREATE TABLE windows (
    key bytea PRIMARY KEY,
    opened_at double precision NOT NULL,
    until double precision NOT NULL,
    origin text NOT NULL,
    first text NOT NULL,
    suppressed bigint NOT NULL,
    before bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX windows_of_first ON windows (first);
CREATE INDEX windows_quiet ON windows (until) WHERE suppressed = 0;
CREATE INDEX windows_busy ON windows (until) WHERE suppressed > 0;

-- How many like it were suppressed before a delivery, where there were any.
CREATE TABLE repeats (
    delivery bigint PRIMARY KEY,
    number bigint NOT NULL
);

-- What was given of each limit and when, as JSON; nothing of it counts any more after `until`.
CREATE TABLE rates (
    stream text PRIMARY KEY,
    log text NOT NULL,
    until double precision NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

-- What the last digest of a receiver left for the next one.
CREATE TABLE digest_memories (
    subscription_id text NOT NULL,
    recipient text NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (subscription_id, recipient)
);

-- What was suppressed for one reason, by number: duplicates of a delivery, what a silence held back.
CREATE INDEX deliveries_suppressed ON deliveries (reason, number) WHERE state = 'suppressed';
