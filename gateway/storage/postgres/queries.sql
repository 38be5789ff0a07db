-- Every statement of the PostgreSQL store. Parameters are named (:name) and numbered when the file is
-- loaded (gateway.storage.postgres.statements). A group of events, and one of results, is one statement:
-- its rows come as arrays, one a column. `= ANY (ARRAY(...))` and `LATERAL (... LIMIT 1)` stand where the planner,
-- which cannot know how few rows there will be, would else read a whole table for a join.

-- Schema --------------------------------------------------------------------------------------------

-- name: lock_schema
-- One process at a time brings the schema up to date; the lock ends with its connection.
SELECT pg_advisory_lock(hashtext('tocsin.schema.' || current_schema()));

-- name: unlock_schema
SELECT pg_advisory_unlock(hashtext('tocsin.schema.' || current_schema()));

-- name: create_migrations
CREATE TABLE IF NOT EXISTS migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at double precision NOT NULL
);

-- name: applied_migrations
SELECT number, checksum FROM migrations ORDER BY number;

-- name: record_migration
INSERT INTO migrations (number, name, checksum, applied_at) VALUES (:number, :name, :checksum, :now);

-- Nodes ---------------------------------------------------------------------------------------------

-- name: database_time
SELECT extract(epoch FROM clock_timestamp())::double precision, current_schema();

-- name: open_incarnation
INSERT INTO incarnations (owner, name, keyprint, version, opened_at, beat_at)
VALUES (:owner, :name, :keyprint, :version, :now, :now)
RETURNING number;

-- name: succeed
-- Its process goes on under another incarnation; this one serves nobody any more.
UPDATE incarnations SET succeeded = true, version = NULL WHERE number = :incarnation;

-- name: keyprints
SELECT name, keyprint FROM incarnations WHERE ended_at IS NULL ORDER BY number;

-- name: beat
-- No row: others took this incarnation for dead.
UPDATE incarnations SET beat_at = :now WHERE number = :incarnation AND ended_at IS NULL
RETURNING extract(epoch FROM clock_timestamp())::double precision;

-- name: end_incarnation
UPDATE incarnations SET ended_at = :now WHERE number = :incarnation AND ended_at IS NULL;

-- name: end_silent
-- Those whose heart has not beaten for as long as a lease lasts.
UPDATE incarnations SET ended_at = :now
WHERE number IN (
    SELECT number FROM incarnations
    WHERE ended_at IS NULL AND beat_at < :silent_since
    FOR UPDATE SKIP LOCKED
)
RETURNING number, name;

-- name: rescue
-- What ended incarnations still hold is due at once. Where the process is gone too, that counts: what was
-- sent alone and lost its lease once more is what ends the process. Asked again and again: a node that was frozen may write a lease after its end.
WITH lost AS (
    SELECT deliveries.number, incarnations.succeeded, NOT incarnations.succeeded AND deliveries.rescues >= 3 AS fatal
    FROM incarnations JOIN deliveries ON deliveries.owner = incarnations.number AND deliveries.state = 'leased'
    WHERE incarnations.ended_at >= :ended_since
    FOR UPDATE OF deliveries SKIP LOCKED
), rescued AS (
    UPDATE deliveries SET
        state = CASE WHEN lost.fatal THEN 'dead' ELSE 'pending' END,
        reason = CASE WHEN lost.fatal THEN 'crashed_while_sent' ELSE 'lease_lost' END,
        due_at = CASE WHEN lost.fatal THEN deliveries.due_at ELSE :now END,
        settled_at = CASE WHEN lost.fatal THEN :now END,
        rescues = deliveries.rescues + (NOT lost.succeeded)::integer,
        owner = NULL
    FROM lost
    WHERE deliveries.number = ANY (ARRAY(SELECT number FROM lost)) AND deliveries.number = lost.number
    RETURNING deliveries.id, deliveries.state
)
SELECT id, state FROM rescued;

-- name: give_leases_back
WITH returned AS (
    UPDATE deliveries SET state = 'pending', reason = 'stopped', due_at = :now, owner = NULL
    WHERE state = 'leased' AND owner = :incarnation
    RETURNING 1
), moves (state, change) AS (
    SELECT * FROM (VALUES ('pending', 1), ('leased', -1)) AS both_ways
), counted AS (
    INSERT INTO tallies (incarnation, state, deliveries)
    SELECT :incarnation, state, change * (SELECT count(*) FROM returned) FROM moves ORDER BY state
    ON CONFLICT (incarnation, state) DO UPDATE SET deliveries = tallies.deliveries + excluded.deliveries
)
SELECT count(*) FROM returned;

-- name: settle_tallies
-- What ended incarnations counted is added to the rows of incarnation 0, so that they do not pile up.
WITH ended AS (
    DELETE FROM tallies
    WHERE incarnation IN (SELECT number FROM incarnations WHERE ended_at < :ended_before)
    RETURNING state, deliveries
)
INSERT INTO tallies (incarnation, state, deliveries)
SELECT 0, state, sum(deliveries) FROM ended GROUP BY state ORDER BY state
ON CONFLICT (incarnation, state) DO UPDATE SET deliveries = tallies.deliveries + excluded.deliveries;

-- name: forget_incarnations
DELETE FROM incarnations
WHERE ended_at < :ended_before
    AND NOT EXISTS (SELECT 1 FROM deliveries WHERE state = 'leased' AND owner = incarnations.number);

-- name: in_force
UPDATE incarnations SET version = greatest(version, :version) WHERE number = :incarnation;

-- name: behind
-- How many living nodes still route with an older configuration; one that has none yet serves nobody.
SELECT count(*) FROM incarnations
WHERE ended_at IS NULL AND version < :version AND number <> :incarnation
    AND beat_at >= :silent_since;

-- name: nodes
SELECT incarnations.owner, name, opened_at, beat_at, (
    SELECT count(*) FROM deliveries WHERE state = 'leased' AND deliveries.owner = incarnations.number
), version, ended_at
FROM incarnations
WHERE ended_at IS NULL OR ended_at >= :ended_since
ORDER BY number;

-- name: has_nodes
SELECT to_regclass('incarnations') IS NOT NULL;

-- name: living
SELECT count(*) FROM incarnations WHERE ended_at IS NULL AND beat_at >= :silent_since;

-- name: end_all
-- After a restore: those that lived when the copy was made.
UPDATE incarnations SET ended_at = :now WHERE ended_at IS NULL;

-- name: notify
SELECT pg_notify(:channel, :topic);

-- Registry ------------------------------------------------------------------------------------------

-- name: registry_version
SELECT version FROM registry;

-- name: queue_for_registry
-- Groups of events that share the registry's row one after the other would let nobody change it: this waits in
-- a queue that they wait in too. Plain reads pass.
LOCK TABLE registry IN EXCLUSIVE MODE;

-- name: lock_registry
SELECT version FROM registry FOR UPDATE;

-- name: set_registry_version
UPDATE registry SET version = :version;

-- name: current_entities
SELECT kind, body FROM entities;

-- name: entities_at
SELECT kind, body
FROM (
    SELECT DISTINCT ON (kind, id) kind, body, deleted
    FROM revisions
    WHERE version <= :version
    ORDER BY kind, id, version DESC
) AS newest
WHERE NOT deleted;

-- name: put_entity
INSERT INTO entities (kind, id, version, body) VALUES (:kind, :id, :version, :body)
ON CONFLICT (kind, id) DO UPDATE SET version = excluded.version, body = excluded.body;

-- name: remove_entity
DELETE FROM entities WHERE kind = :kind AND id = :id RETURNING id;

-- name: add_revision
-- Of two changes of one entity in one call, the last is the revision.
INSERT INTO revisions (kind, id, version, deleted, body) VALUES (:kind, :id, :version, :deleted, :body)
ON CONFLICT (kind, id, version) DO UPDATE SET deleted = excluded.deleted, body = excluded.body;

-- name: free_texts
DELETE FROM unique_texts WHERE kind = :kind AND id = :id;

-- name: take_text
-- No row when another entity holds the text; an entity may name the same text twice.
INSERT INTO unique_texts (kind, instance_id, text, id) VALUES (:kind, :instance_id, :text, :id)
ON CONFLICT (kind, instance_id, text) DO UPDATE SET id = excluded.id WHERE unique_texts.id = excluded.id
RETURNING id;

-- Effects -------------------------------------------------------------------------------------------

-- name: add_effect
INSERT INTO effects (name, destination_id, subscription_id, recipients, reason, up_to, state, place)
VALUES (:name, :destination_id, :subscription_id, :recipients, :reason, :up_to, :state, :place);

-- name: drop_holds
-- A hold and its release undo each other: of what is left of them, the newest takes the place.
DELETE FROM effects
WHERE destination_id = :destination_id AND reason = :reason AND name IN ('hold', 'unhold');

-- name: newest_number
-- Under the registry's lock: nobody is just taking a number for an event.
SELECT (last_value << 20) | 1048575 FROM event_numbers;

-- name: next_effect
-- Those of one destination one after the other, destinations in turn; what another node is at is passed over.
SELECT number, name, destination_id, subscription_id, recipients, reason, up_to, state, place
FROM effects
WHERE NOT EXISTS (
    SELECT 1 FROM effects AS before
    WHERE before.destination_id = effects.destination_id AND before.number < effects.number
)
ORDER BY turn, number
LIMIT 1
FOR UPDATE SKIP LOCKED;

-- name: move_effect
UPDATE effects SET state = :state, place = :place, turn = turn + 1 WHERE number = :number;

-- name: end_effect
DELETE FROM effects WHERE number = :number;

-- name: cancel_leased
WITH open AS (
    SELECT number FROM deliveries
    WHERE state = 'leased' AND destination_id = :destination_id
        AND (:subscription_id::text IS NULL OR subscription_id = :subscription_id)
        AND (:recipients::text[] IS NULL OR recipient = ANY (:recipients))
    ORDER BY number
    FOR UPDATE
), cancelled AS (
    UPDATE deliveries SET state = 'cancelled', reason = :leaves, settled_at = :now, owner = NULL
    WHERE deliveries.number = ANY (ARRAY(SELECT number FROM open))
    RETURNING 1
)
SELECT count(*) FROM cancelled;

-- name: count_moves
-- After the deliveries of a change, as everywhere: what holds a count never waits for a delivery.
INSERT INTO tallies (incarnation, state, deliveries)
SELECT :incarnation, state, change
FROM unnest(:states::text[], :changes::bigint[]) AS moved (state, change)
ORDER BY state
ON CONFLICT (incarnation, state) DO UPDATE SET deliveries = tallies.deliveries + excluded.deliveries;

-- name: change_pending
-- Looks at a batch from a place on and changes what is meant; yields how many were looked at and changed, and
-- the last of them. Rows are locked in one order, so that two of these never wait for each other.
WITH seen AS (
    SELECT number, due_at, subscription_id, recipient, reason
    FROM deliveries
    WHERE state = 'pending' AND destination_id = :destination_id AND (due_at, number) > (:after_due, :after_number)
    ORDER BY due_at, number
    LIMIT :limit
), meant AS (
    SELECT number FROM deliveries
    WHERE number = ANY (ARRAY(
            SELECT number FROM seen
            WHERE number <= :up_to
                AND (:subscription_id::text IS NULL OR subscription_id = :subscription_id)
                AND (:recipients::text[] IS NULL OR recipient = ANY (:recipients))
        ))
        AND state = 'pending'
    ORDER BY number
    FOR UPDATE
), changed AS (
    UPDATE deliveries SET state = :makes, reason = :leaves, settled_at = :settled_at,
        due_at = coalesce(:due_at, deliveries.due_at)
    WHERE deliveries.number = ANY (ARRAY(SELECT number FROM meant))
    RETURNING 1
)
SELECT (SELECT count(*) FROM seen) AS looked_at, (SELECT count(*) FROM changed) AS changed, due_at, number
FROM seen
ORDER BY due_at DESC, number DESC
LIMIT 1;

-- name: change_held
-- As change_pending.
WITH seen AS (
    SELECT number, due_at, subscription_id, recipient, reason
    FROM deliveries
    WHERE state = 'held' AND destination_id = :destination_id AND number > :after_number
    ORDER BY number
    LIMIT :limit
), meant AS (
    SELECT number FROM deliveries
    WHERE number = ANY (ARRAY(
            SELECT number FROM seen
            WHERE number <= :up_to
                AND (:subscription_id::text IS NULL OR subscription_id = :subscription_id)
                AND (:recipients::text[] IS NULL OR recipient = ANY (:recipients))
                AND (:held_for::text IS NULL OR reason = :held_for)
        ))
        AND state = 'held'
    ORDER BY number
    FOR UPDATE
), changed AS (
    UPDATE deliveries SET state = :makes, reason = :leaves, settled_at = :settled_at,
        due_at = coalesce(:due_at, deliveries.due_at)
    WHERE deliveries.number = ANY (ARRAY(SELECT number FROM meant))
    RETURNING 1
)
SELECT (SELECT count(*) FROM seen) AS looked_at, (SELECT count(*) FROM changed) AS changed, due_at, number
FROM seen
ORDER BY number DESC
LIMIT 1;

-- Accepting -----------------------------------------------------------------------------------------

-- name: append
-- A group of events that one version routed, no key twice. The registry's row is locked as it is now, not
-- as it was when the statement began: whoever changes the configuration comes before or after all of this.
-- Keys are taken in one order, so that two groups with the same keys never wait for each other.
-- Yields whether the version is still the newest, the keys that were written, and the states to be counted
-- where more is to follow in the same transaction.
WITH current AS MATERIALIZED (
    SELECT version FROM registry WHERE version = :routed_with FOR SHARE
), given AS MATERIALIZED (
    SELECT nextval('event_numbers') AS number, one.*
    FROM current, unnest(
        :keys::bytea[], :ids::text[], :instance_ids::text[], :source_ids::text[],
        :received_ats::double precision[], :registry_versions::bigint[], :forms::text[],
        :schema_revisions::text[], :problems::text[], :attributes::text[], :vocabularies::text[],
        :data::bytea[], :flags::text[]
    ) WITH ORDINALITY AS one (
        key, id, instance_id, source_id, received_at, registry_version, form, schema_revision, problems,
        attributes, vocabulary, data, flags, place
    )
), keyed AS (
    INSERT INTO dedup_keys AS known (number, key, event_id, at, quarantined)
    SELECT number, key, id, :now, problems IS NOT NULL FROM given ORDER BY key
    ON CONFLICT (key) DO UPDATE
        SET number = excluded.number, event_id = excluded.event_id, at = excluded.at, quarantined = false
        WHERE known.quarantined AND NOT excluded.quarantined
    RETURNING key
), replaced AS (
    UPDATE events SET replaced_by = given.id
    FROM given JOIN keyed USING (key) JOIN dedup_keys AS before USING (key)
    WHERE events.id = before.event_id
), stored AS (
    INSERT INTO events
        (number, id, instance_id, source_id, received_at, registry_version, form, schema_revision, problems,
         attributes, vocabulary, data, flags)
    SELECT number, id, instance_id, source_id, received_at, registry_version, form, schema_revision, problems,
        attributes, vocabulary, data, flags
    FROM given JOIN keyed USING (key)
), planned AS (
    INSERT INTO deliveries
        (number, id, instance_id, event_id, topic_id, subscription_id, destination_id, recipient, state,
         reason, epoch, owner, due_at, created_at, settled_at)
    SELECT (given.number << 20) | place_in_event, one.id, one.instance_id, one.event_id, topic_id,
        subscription_id, destination_id, recipient, state, reason, epoch, owner, due_at, created_at, settled_at
    FROM given JOIN keyed USING (key) JOIN unnest(
        :places::bigint[], :places_in_event::bigint[], :delivery_ids::text[], :delivery_instance_ids::text[],
        :event_ids::text[], :topic_ids::text[], :subscription_ids::text[], :destination_ids::text[],
        :recipients::text[], :states::text[], :reasons::text[], :epochs::integer[], :owners::integer[],
        :due_ats::double precision[], :created_ats::double precision[], :settled_ats::double precision[]
    ) AS one (
        place, place_in_event, id, instance_id, event_id, topic_id, subscription_id, destination_id, recipient,
        state, reason, epoch, owner, due_at, created_at, settled_at
    ) USING (place)
    RETURNING state
), counted AS (
    INSERT INTO tallies (incarnation, state, deliveries)
    SELECT :incarnation, state, count(*) FROM planned WHERE :counting::boolean GROUP BY state ORDER BY state
    ON CONFLICT (incarnation, state) DO UPDATE SET deliveries = tallies.deliveries + excluded.deliveries
)
SELECT EXISTS (SELECT FROM current), (SELECT coalesce(array_agg(key), '{}') FROM keyed),
    CASE WHEN NOT :counting::boolean THEN ARRAY(SELECT state FROM planned) END AS uncounted;

-- name: append_noisy
-- As append, for a group of which policies hold something back or have it fall into a duplicate window. Of the
-- deliveries with one window the first opens it, unless an open one is there; the others are suppressed. Windows
-- are locked in the order of their keys, then streams in theirs, changed or not; the counts come last. Yields
-- also who was suppressed by which first, and who opened a window after one that had suppressed how many.
WITH current AS MATERIALIZED (
    SELECT version FROM registry WHERE version = :routed_with FOR SHARE
), given AS MATERIALIZED (
    SELECT nextval('event_numbers') AS number, one.*
    FROM current, unnest(
        :keys::bytea[], :ids::text[], :instance_ids::text[], :source_ids::text[],
        :received_ats::double precision[], :registry_versions::bigint[], :forms::text[],
        :schema_revisions::text[], :problems::text[], :attributes::text[], :vocabularies::text[],
        :data::bytea[], :flags::text[]
    ) WITH ORDINALITY AS one (
        key, id, instance_id, source_id, received_at, registry_version, form, schema_revision, problems,
        attributes, vocabulary, data, flags, place
    )
), keyed AS (
    INSERT INTO dedup_keys AS known (number, key, event_id, at, quarantined)
    SELECT number, key, id, :now, problems IS NOT NULL FROM given ORDER BY key
    ON CONFLICT (key) DO UPDATE
        SET number = excluded.number, event_id = excluded.event_id, at = excluded.at, quarantined = false
        WHERE known.quarantined AND NOT excluded.quarantined
    RETURNING key
), replaced AS (
    UPDATE events SET replaced_by = given.id
    FROM given JOIN keyed USING (key) JOIN dedup_keys AS before USING (key)
    WHERE events.id = before.event_id
), stored AS (
    INSERT INTO events
        (number, id, instance_id, source_id, received_at, registry_version, form, schema_revision, problems,
         attributes, vocabulary, data, flags)
    SELECT number, id, instance_id, source_id, received_at, registry_version, form, schema_revision, problems,
        attributes, vocabulary, data, flags
    FROM given JOIN keyed USING (key)
), wanted AS MATERIALIZED (
    SELECT (given.number << 20) | place_in_event AS number, one.*
    FROM given JOIN keyed USING (key) JOIN unnest(
        :places::bigint[], :places_in_event::bigint[], :delivery_ids::text[], :delivery_instance_ids::text[],
        :event_ids::text[], :topic_ids::text[], :subscription_ids::text[], :destination_ids::text[],
        :recipients::text[], :states::text[], :reasons::text[], :epochs::integer[], :owners::integer[],
        :due_ats::double precision[], :created_ats::double precision[], :settled_ats::double precision[],
        :window_key::bytea[], :window_end::double precision[], :stream::text[], :until::double precision[],
        :rank::integer[]
    ) AS one (
        place, place_in_event, id, instance_id, event_id, topic_id, subscription_id, destination_id, recipient,
        state, reason, epoch, owner, due_at, created_at, settled_at, window_key, window_end, stream, until, rank
    ) USING (place)
), opened AS (
    INSERT INTO windows AS known (key, opened_at, until, origin, first, suppressed)
    SELECT DISTINCT ON (window_key) window_key, :now, window_end, id, id,
        count(*) OVER (PARTITION BY window_key) - 1
    FROM wanted
    WHERE window_key IS NOT NULL
    ORDER BY window_key, number
    ON CONFLICT (key) DO UPDATE SET
        before = CASE WHEN known.until <= excluded.opened_at THEN known.suppressed ELSE known.before END,
        suppressed = excluded.suppressed
            + CASE WHEN known.until <= excluded.opened_at THEN 0 ELSE known.suppressed + 1 END,
        origin = CASE WHEN known.until <= excluded.opened_at THEN excluded.origin ELSE known.origin END,
        first = CASE WHEN known.until <= excluded.opened_at THEN excluded.first ELSE known.first END,
        until = CASE WHEN known.until <= excluded.opened_at THEN excluded.until ELSE known.until END,
        opened_at = CASE WHEN known.until <= excluded.opened_at THEN excluded.opened_at ELSE known.opened_at END
    RETURNING key, origin, before
), decided AS MATERIALIZED (
    SELECT wanted.*, opened.origin, opened.before, coalesce(opened.origin <> wanted.id, false) AS repeated
    FROM wanted LEFT JOIN opened ON opened.key = wanted.window_key
), planned AS (
    INSERT INTO deliveries
        (number, id, instance_id, event_id, topic_id, subscription_id, destination_id, recipient, state,
         reason, epoch, owner, due_at, created_at, settled_at)
    SELECT number, id, instance_id, event_id, topic_id, subscription_id, destination_id, recipient,
        CASE WHEN repeated THEN 'suppressed' ELSE state END,
        CASE WHEN repeated THEN :duplicate_of || origin ELSE reason END,
        CASE WHEN repeated THEN 0 ELSE epoch END,
        CASE WHEN NOT repeated THEN owner END,
        due_at, created_at,
        CASE WHEN repeated THEN :now ELSE settled_at END
    FROM decided
    RETURNING state
), told AS (
    INSERT INTO repeats (delivery, number)
    SELECT number, before FROM decided WHERE origin = id AND before > 0
), held AS (
    INSERT INTO holds (delivery, stream, until, rank)
    SELECT number, stream, until, rank FROM decided WHERE stream IS NOT NULL AND NOT repeated
), woken AS (
    INSERT INTO streams
        (stream, reason, instance_id, topic_id, subscription_id, destination_id, recipient, wake_at)
    SELECT DISTINCT ON (stream) stream, reason, instance_id, topic_id, subscription_id, destination_id, recipient,
        until
    FROM decided
    WHERE stream IS NOT NULL AND NOT repeated
    ORDER BY stream, until
    ON CONFLICT (stream) DO UPDATE SET wake_at = excluded.wake_at WHERE excluded.wake_at < streams.wake_at
    RETURNING 1
), counted AS (
    INSERT INTO tallies (incarnation, state, deliveries)
    SELECT :incarnation, state, count(*) FROM planned
    WHERE :counting::boolean AND (SELECT count(*) FROM woken) >= 0
    GROUP BY state ORDER BY state
    ON CONFLICT (incarnation, state) DO UPDATE SET deliveries = tallies.deliveries + excluded.deliveries
)
SELECT EXISTS (SELECT FROM current), (SELECT coalesce(array_agg(key), '{}') FROM keyed),
    CASE WHEN NOT :counting::boolean THEN ARRAY(SELECT state FROM planned) END AS uncounted,
    coalesce(array_agg(id) FILTER (WHERE repeated), '{}') AS suppressed,
    coalesce(array_agg(origin) FILTER (WHERE repeated), '{}') AS firsts,
    coalesce(array_agg(id) FILTER (WHERE origin = id AND before > 0), '{}') AS openers,
    coalesce(array_agg(before) FILTER (WHERE origin = id AND before > 0), '{}') AS befores
FROM decided;

-- name: end_quarantine
-- Yields the event if it was quarantined until now.
UPDATE events SET replaced_by = :replaced_by, discarded = :discarded
WHERE id = :id AND instance_id = :instance_id
    AND problems IS NOT NULL AND replaced_by IS NULL AND discarded IS NULL
RETURNING id;

-- name: known_keys
SELECT key, event_id FROM dedup_keys WHERE key = ANY (:keys::bytea[]);

-- Settling ------------------------------------------------------------------------------------------

-- name: settle
-- A group of results, no lease twice. Yields the leases that were still held. Where something follows in the
-- same transaction, it is counted after that.
WITH given AS MATERIALIZED (
    SELECT * FROM unnest(
        :ids::text[], :epochs::integer[], :states::text[], :reasons::text[], :due_ats::double precision[],
        :settled_ats::double precision[], :started_ats::double precision[], :durations::double precision[],
        :codes::text[], :details::text[], :excerpts::text[], :attempt_numbers::integer[],
        :attempt_reasons::text[], :bodies::bytea[]
    ) AS one (
        id, epoch, state, reason, due_at, settled_at, started_at, duration, code, detail, excerpt,
        attempt_number, attempt_reason, body
    )
), settled AS (
    UPDATE deliveries SET
        state = given.state, reason = given.reason,
        due_at = CASE given.state WHEN 'pending' THEN given.due_at ELSE deliveries.due_at END,
        settled_at = given.settled_at, owner = NULL,
        attempts = deliveries.attempts + (given.started_at IS NOT NULL)::integer,
        started_at = coalesce(given.started_at, deliveries.started_at),
        duration = coalesce(given.duration, deliveries.duration),
        code = coalesce(given.code, deliveries.code),
        detail = coalesce(given.detail, deliveries.detail),
        excerpt = coalesce(given.excerpt, deliveries.excerpt),
        rescues = CASE WHEN given.state = 'pending' AND given.started_at IS NOT NULL THEN 0
            ELSE deliveries.rescues END
    FROM given
    WHERE deliveries.id = ANY (:ids::text[])
        AND deliveries.id = given.id AND deliveries.epoch = given.epoch AND deliveries.state = 'leased'
    RETURNING deliveries.number, deliveries.id, deliveries.epoch, deliveries.state
), tried AS (
    INSERT INTO attempts (delivery, epoch, number, started_at, duration, reason, code, detail, excerpt)
    SELECT settled.number, epoch, given.attempt_number, given.started_at, given.duration,
        given.attempt_reason, given.code, given.detail, given.excerpt
    FROM settled JOIN given USING (id, epoch)
    WHERE given.attempt_number IS NOT NULL
), went AS (
    INSERT INTO sent (delivery, body)
    SELECT settled.number, given.body FROM settled JOIN given USING (id, epoch) WHERE given.body IS NOT NULL
    ON CONFLICT (delivery) DO UPDATE SET body = excluded.body
), moves AS (
    SELECT state, 1 AS change FROM settled UNION ALL SELECT 'leased', -1 FROM settled
), counted AS (
    INSERT INTO tallies (incarnation, state, deliveries)
    SELECT :incarnation, state, sum(change) FROM moves WHERE :counting::boolean GROUP BY state ORDER BY state
    ON CONFLICT (incarnation, state) DO UPDATE SET deliveries = tallies.deliveries + excluded.deliveries
)
SELECT id, epoch, state FROM settled;

-- name: hold_settled
-- Streams are locked in their order.
WITH policies AS (
    SELECT * FROM unnest(
        :ids::text[], :epochs::integer[], :streams::text[], :untils::double precision[], :ranks::integer[]
    ) AS one (id, epoch, stream, until, rank)
), settled AS MATERIALIZED (
    SELECT deliveries.*, policies.stream, policies.until, policies.rank
    FROM policies CROSS JOIN LATERAL (
        SELECT * FROM deliveries
        WHERE deliveries.id = policies.id AND deliveries.epoch = policies.epoch AND state = 'held'
        LIMIT 1
    ) AS deliveries
), woken AS (
    INSERT INTO streams
        (stream, reason, instance_id, topic_id, subscription_id, destination_id, recipient, wake_at)
    SELECT DISTINCT ON (stream) stream, reason, instance_id, topic_id, subscription_id, destination_id, recipient,
        until
    FROM settled
    ORDER BY stream, until
    ON CONFLICT (stream) DO UPDATE SET wake_at = excluded.wake_at WHERE excluded.wake_at < streams.wake_at
)
INSERT INTO holds (delivery, stream, until, rank)
SELECT number, stream, until, rank FROM settled
ON CONFLICT (delivery) DO UPDATE
    SET stream = excluded.stream, until = excluded.until, rank = excluded.rank;

-- name: windows_of
SELECT key, origin, first FROM windows
WHERE first = ANY (:ids::text[])
ORDER BY key
FOR UPDATE;

-- name: come_forward
-- Without its event there is nothing to send; retention deletes none of these while this goes on. Where there is
-- none, the next one opens the window anew.
WITH given AS MATERIALIZED (
    SELECT * FROM unnest(:keys::bytea[], :origins::text[], :firsts::text[]) AS one (key, origin, first)
), picked AS MATERIALIZED (
    SELECT given.key, given.first, latest.number, latest.id
    FROM given CROSS JOIN LATERAL (
        SELECT deliveries.number, deliveries.id
        FROM deliveries JOIN events ON events.number = deliveries.number >> 20
        WHERE state = 'suppressed' AND reason = given.origin
        ORDER BY deliveries.number DESC
        LIMIT 1
        FOR UPDATE OF deliveries FOR KEY SHARE OF events
    ) AS latest
), told AS (
    INSERT INTO repeats (delivery, number)
    SELECT picked.number, repeats.number
    FROM picked JOIN deliveries ON deliveries.id = picked.first
        JOIN repeats ON repeats.delivery = deliveries.number
    ON CONFLICT (delivery) DO UPDATE SET number = excluded.number
), moved AS (
    UPDATE windows SET first = picked.id, suppressed = windows.suppressed - 1
    FROM picked
    WHERE windows.key = picked.key
), closed AS (
    UPDATE windows SET until = 0
    WHERE key = ANY (:keys) AND key NOT IN (SELECT key FROM picked)
), forward AS (
    UPDATE deliveries SET state = 'pending', reason = :reason, due_at = :now, settled_at = NULL
    WHERE number = ANY (ARRAY(SELECT number FROM picked))
    RETURNING 1
)
SELECT count(*) FROM forward;

-- Claiming ------------------------------------------------------------------------------------------

-- name: due_heads
-- The earliest due time of each destination that has pending deliveries: one seek a destination,
-- however long their backlogs are; not of those that an effect is still going through.
WITH RECURSIVE heads (destination_id) AS (
    SELECT min(destination_id) FROM deliveries WHERE state = 'pending'
    UNION ALL
    SELECT (
        SELECT min(destination_id)
        FROM deliveries
        WHERE state = 'pending' AND destination_id > heads.destination_id
    )
    FROM heads
    WHERE heads.destination_id IS NOT NULL
)
SELECT destination_id, (
    SELECT min(due_at) FROM deliveries
    WHERE state = 'pending' AND destination_id = heads.destination_id
) AS due_at
FROM heads
WHERE destination_id IS NOT NULL
    AND destination_id NOT IN (SELECT destination_id FROM effects WHERE name IN ('cancel', 'hold'));

-- name: lease
-- Of each destination its quota, the oldest first; what another node is just taking is passed over.
WITH due AS (
    SELECT picked.number
    FROM unnest(:destination_ids::text[], :quotas::integer[]) AS wanted (destination_id, quota)
    CROSS JOIN LATERAL (
        SELECT number
        FROM deliveries
        WHERE state = 'pending' AND rescues < 3 AND destination_id = wanted.destination_id AND due_at <= :now
        ORDER BY due_at, number
        LIMIT wanted.quota
        FOR UPDATE SKIP LOCKED
    ) AS picked
), leased AS (
    UPDATE deliveries SET state = 'leased', owner = :incarnation, epoch = deliveries.epoch + 1
    WHERE deliveries.number = ANY (ARRAY(SELECT number FROM due))
    RETURNING deliveries.*
), moves (state, change) AS (
    SELECT * FROM (VALUES ('leased', 1), ('pending', -1)) AS both_ways
), counted AS (
    INSERT INTO tallies (incarnation, state, deliveries)
    SELECT :incarnation, state, change * (SELECT count(*) FROM leased) FROM moves ORDER BY state
    ON CONFLICT (incarnation, state) DO UPDATE SET deliveries = tallies.deliveries + excluded.deliveries
)
SELECT leased.due_at, leased.number, leased.id, leased.epoch, leased.topic_id, leased.subscription_id,
    leased.destination_id, leased.recipient, leased.attempts, leased.rescues,
    coalesce((SELECT number FROM repeats WHERE delivery = leased.number), 0),
    events.id, events.instance_id, events.source_id, events.received_at, events.registry_version, events.form,
    events.attributes, events.vocabulary, events.data,
    (SELECT body FROM incident_events WHERE incident_events.event = leased.number >> 20)
FROM leased CROSS JOIN LATERAL (SELECT * FROM events WHERE events.number = leased.number >> 20 LIMIT 1) AS events;

-- name: lease_suspect
WITH due AS (
    SELECT number
    FROM deliveries
    WHERE state = 'pending' AND rescues >= 3 AND due_at <= :now
        AND destination_id NOT IN (SELECT destination_id FROM effects WHERE name IN ('cancel', 'hold'))
    ORDER BY due_at, number
    LIMIT 1
    FOR UPDATE SKIP LOCKED
), leased AS (
    UPDATE deliveries SET state = 'leased', owner = :incarnation, epoch = deliveries.epoch + 1
    WHERE deliveries.number = ANY (ARRAY(SELECT number FROM due))
    RETURNING deliveries.*
), moves (state, change) AS (
    SELECT * FROM (VALUES ('leased', 1), ('pending', -1)) AS both_ways
), counted AS (
    INSERT INTO tallies (incarnation, state, deliveries)
    SELECT :incarnation, state, change * (SELECT count(*) FROM leased) FROM moves ORDER BY state
    ON CONFLICT (incarnation, state) DO UPDATE SET deliveries = tallies.deliveries + excluded.deliveries
)
SELECT leased.due_at, leased.number, leased.id, leased.epoch, leased.topic_id, leased.subscription_id,
    leased.destination_id, leased.recipient, leased.attempts, leased.rescues,
    coalesce((SELECT number FROM repeats WHERE delivery = leased.number), 0),
    events.id, events.instance_id, events.source_id, events.received_at, events.registry_version, events.form,
    events.attributes, events.vocabulary, events.data,
    (SELECT body FROM incident_events WHERE incident_events.event = leased.number >> 20)
FROM leased CROSS JOIN LATERAL (SELECT * FROM events WHERE events.number = leased.number >> 20 LIMIT 1) AS events;

-- name: earliest_due
-- As due_heads, for all destinations together.
WITH RECURSIVE heads (destination_id) AS (
    SELECT min(destination_id) FROM deliveries WHERE state = 'pending'
    UNION ALL
    SELECT (
        SELECT min(destination_id)
        FROM deliveries
        WHERE state = 'pending' AND destination_id > heads.destination_id
    )
    FROM heads
    WHERE heads.destination_id IS NOT NULL
)
SELECT min((
    SELECT min(due_at) FROM deliveries WHERE state = 'pending' AND destination_id = heads.destination_id
))
FROM heads;

-- Holds ---------------------------------------------------------------------------------------------

-- name: streams_due
SELECT stream, reason, instance_id, topic_id, subscription_id, destination_id, recipient, wake_at
FROM streams
WHERE wake_at <= :now
ORDER BY wake_at
LIMIT :limit;

-- name: next_stream
SELECT min(wake_at) FROM streams;

-- name: held
SELECT held.delivery, held.id, held.until,
    events.id, events.instance_id, events.source_id, events.received_at, events.registry_version, events.form,
    events.attributes, events.vocabulary, events.data
FROM (
    SELECT holds.delivery, deliveries.id, holds.until
    FROM holds CROSS JOIN LATERAL (
        SELECT * FROM deliveries WHERE deliveries.number = holds.delivery LIMIT 1
    ) AS deliveries
    WHERE holds.stream = :stream AND holds.delivery > :after AND holds.until <= :until
        AND deliveries.state = 'held'
    ORDER BY holds.delivery
    LIMIT :limit
) AS held
CROSS JOIN LATERAL (SELECT * FROM events WHERE events.number = held.delivery >> 20 LIMIT 1) AS events
ORDER BY held.delivery;

-- name: lock_stream
-- Nobody adds to it meanwhile.
SELECT 1 FROM streams WHERE stream = :stream FOR UPDATE;

-- name: share_registry
SELECT version FROM registry WHERE version = :routed_with FOR SHARE;

-- name: release
-- Deliveries are locked in the order of their numbers, as by whoever cancels them.
WITH meant AS MATERIALIZED (
    SELECT number FROM deliveries
    WHERE number = ANY (ARRAY(
            SELECT holds.delivery
            FROM holds CROSS JOIN LATERAL (
                SELECT state FROM deliveries WHERE deliveries.number = holds.delivery LIMIT 1
            ) AS deliveries
            WHERE holds.stream = :stream AND holds.delivery <= :up_to AND holds.until <= :until
                AND deliveries.state = 'held'
            ORDER BY holds.rank DESC, holds.delivery
            LIMIT :limit
        ))
        AND state = 'held'
    ORDER BY number
    FOR UPDATE
), ended AS (
    DELETE FROM holds WHERE delivery = ANY (ARRAY(SELECT number FROM meant))
), released AS (
    UPDATE deliveries SET state = 'pending', reason = '', due_at = :now
    WHERE number = ANY (ARRAY(SELECT number FROM meant))
    RETURNING 1
)
SELECT count(*) FROM released;

-- name: fold
WITH meant AS MATERIALIZED (
    SELECT number FROM deliveries
    WHERE number = ANY (ARRAY(
            SELECT delivery FROM holds
            WHERE stream = :stream AND delivery <= :up_to AND until <= :until
        ))
        AND state = 'held'
    ORDER BY number
    FOR UPDATE
), ended AS (
    DELETE FROM holds WHERE delivery = ANY (ARRAY(SELECT number FROM meant))
), folded AS (
    UPDATE deliveries SET state = 'folded', reason = :reason, settled_at = :now
    WHERE number = ANY (ARRAY(SELECT number FROM meant))
    RETURNING 1
)
SELECT count(*) FROM folded;

-- name: end_stale_holds
-- Those of deliveries that are not held any more.
DELETE FROM holds
WHERE delivery = ANY (ARRAY(
    SELECT holds.delivery
    FROM holds LEFT JOIN LATERAL (
        SELECT state FROM deliveries WHERE deliveries.number = holds.delivery LIMIT 1
    ) AS deliveries ON true
    WHERE holds.stream = :stream AND holds.delivery <= :up_to AND holds.until <= :until
        AND deliveries.state IS DISTINCT FROM 'held'
));

-- name: wakes_at
-- Then, if something can be released then; else when it can, or NULL where nothing is left.
SELECT CASE WHEN EXISTS (SELECT FROM holds WHERE stream = :stream AND until <= :wake_at)
    THEN :wake_at::double precision
    ELSE (SELECT min(until) FROM holds WHERE stream = :stream) END;

-- name: postpone
UPDATE streams SET wake_at = :wake_at WHERE stream = :stream;

-- name: end_stream
DELETE FROM streams WHERE stream = :stream;

-- name: rouse
-- In one order, so that two nodes never wait for each other.
WITH roused AS MATERIALIZED (
    SELECT stream FROM streams
    WHERE subscription_id = ANY (:ids::text[]) AND wake_at > :now
    ORDER BY stream
    FOR UPDATE
)
UPDATE streams SET wake_at = :now WHERE stream = ANY (ARRAY(SELECT stream FROM roused));

-- name: memory
SELECT body FROM digest_memories WHERE subscription_id = :subscription_id AND recipient = :recipient;

-- name: put_memory
INSERT INTO digest_memories (subscription_id, recipient, body) VALUES (:subscription_id, :recipient, :body)
ON CONFLICT (subscription_id, recipient) DO UPDATE SET body = excluded.body;

-- name: forget_memories
DELETE FROM digest_memories WHERE subscription_id = :subscription_id;

-- Rates ---------------------------------------------------------------------------------------------

-- name: lock_rates
-- In one order, so that two nodes never wait for each other.
INSERT INTO rates AS known (stream, log, until)
SELECT stream, '', 0 FROM unnest(:streams::text[]) AS one (stream) ORDER BY stream
ON CONFLICT (stream) DO UPDATE SET log = known.log
RETURNING stream, log;

-- name: put_rates
UPDATE rates SET log = given.log, until = given.until
FROM unnest(:streams::text[], :logs::text[], :untils::double precision[]) AS given (stream, log, until)
WHERE rates.stream = given.stream;

-- Replay --------------------------------------------------------------------------------------------

-- name: keep_event
-- Retention deletes no event while this transaction goes on; without its event there is nothing to send.
SELECT 1
FROM events
WHERE number = (SELECT number >> 20 FROM deliveries WHERE id = :id AND instance_id = :instance_id)
FOR KEY SHARE;

-- name: keep_success
-- A replay writes its own results onto the delivery; the success it reopens moves to the attempts.
INSERT INTO attempts (delivery, epoch, number, started_at, duration, reason, code, detail, excerpt)
SELECT number, epoch, attempts, started_at, duration, '', code, detail, excerpt
FROM deliveries
WHERE id = :id AND state = 'delivered'
ON CONFLICT (delivery, epoch) DO NOTHING;

-- name: reopen
WITH ended AS (
    SELECT number, state FROM deliveries
    WHERE id = :id AND instance_id = :instance_id
        AND state IN ('delivered', 'dead', 'suppressed', 'cancelled')
    FOR UPDATE
), unheld AS (
    DELETE FROM holds WHERE delivery = ANY (ARRAY(SELECT number FROM ended))
), reopened AS (
    UPDATE deliveries
    SET state = 'pending', reason = 'replayed', due_at = :now, settled_at = NULL, attempts = 0, rescues = 0
    FROM ended
    WHERE deliveries.number = ended.number
    RETURNING ended.state
), moves AS (
    SELECT state, -1 AS change FROM reopened UNION ALL SELECT 'pending', 1 FROM reopened
), counted AS (
    INSERT INTO tallies (incarnation, state, deliveries)
    SELECT :incarnation, state, change FROM moves ORDER BY state
    ON CONFLICT (incarnation, state) DO UPDATE SET deliveries = tallies.deliveries + excluded.deliveries
)
SELECT state FROM reopened;

-- Reading -------------------------------------------------------------------------------------------

-- name: event
SELECT number, problems, schema_revision, replaced_by, flags, discarded, id, instance_id, source_id,
    received_at, registry_version, form, attributes, vocabulary, data
FROM events
WHERE id = :id AND instance_id = :instance_id;

-- name: events
-- JSON with an escaped U+0000 is not read by the database's own JSON; such a title is not searched.
SELECT number, problems, schema_revision, replaced_by, flags, discarded, id, instance_id, source_id,
    received_at, registry_version, form, attributes, vocabulary, data
FROM events
WHERE instance_id = :instance_id AND number < :before
    AND (:source_id::text IS NULL OR source_id = :source_id)
    AND (:type::text IS NULL OR attributes::json ->> 'type' = :type)
    AND (:quarantined::boolean IS NULL
        OR (problems IS NOT NULL AND replaced_by IS NULL AND discarded IS NULL) = :quarantined)
    AND (:search::text IS NULL
        OR position(lower(:search) IN lower(id)) > 0
        OR position(lower(:search) IN lower(attributes::json ->> 'id')) > 0
        OR position(lower(:search) IN lower(attributes::json ->> 'type')) > 0
        OR CASE WHEN position('\u0000' IN vocabulary) = 0
            THEN position(lower(:search) IN lower(vocabulary::json ->> 'title')) > 0 END)
ORDER BY number DESC
LIMIT :limit;

-- name: quarantined_events
SELECT number, problems, schema_revision, replaced_by, flags, discarded, id, instance_id, source_id,
    received_at, registry_version, form, attributes, vocabulary, data
FROM events
WHERE instance_id = :instance_id AND number < :before AND problems IS NOT NULL AND replaced_by IS NULL
    AND discarded IS NULL
    AND (:source_id::text IS NULL OR source_id = :source_id)
    AND (:type::text IS NULL OR attributes::json ->> 'type' = :type)
    AND (:search::text IS NULL
        OR position(lower(:search) IN lower(id)) > 0
        OR position(lower(:search) IN lower(attributes::json ->> 'id')) > 0
        OR position(lower(:search) IN lower(attributes::json ->> 'type')) > 0
        OR CASE WHEN position('\u0000' IN vocabulary) = 0
            THEN position(lower(:search) IN lower(vocabulary::json ->> 'title')) > 0 END)
ORDER BY number DESC
LIMIT :limit;

-- name: delivery
SELECT number, id, instance_id, event_id, topic_id, subscription_id, destination_id, recipient, state, reason,
    attempts, rescues, due_at, created_at, settled_at, code, detail, duration, sent.body
FROM deliveries LEFT JOIN sent ON sent.delivery = deliveries.number
WHERE id = :id AND instance_id = :instance_id;

-- name: deliveries
SELECT number, id, instance_id, event_id, topic_id, subscription_id, destination_id, recipient, state, reason,
    attempts, rescues, due_at, created_at, settled_at, code, detail, duration, sent.body
FROM deliveries LEFT JOIN sent ON sent.delivery = deliveries.number
WHERE instance_id = :instance_id AND number < :before
    AND (:event_id::text IS NULL OR event_id = :event_id)
    AND (:state::text IS NULL OR state = :state)
    AND (:reason::text IS NULL OR reason = :reason)
    AND (:subscription_id::text IS NULL OR subscription_id = :subscription_id)
    AND (:destination_id::text IS NULL OR destination_id = :destination_id)
ORDER BY number DESC
LIMIT :limit;

-- name: number_of_event
SELECT number FROM events WHERE id = :event_id AND instance_id = :instance_id;

-- name: deliveries_of_event
SELECT number, id, instance_id, event_id, topic_id, subscription_id, destination_id, recipient, state, reason,
    attempts, rescues, due_at, created_at, settled_at, code, detail, duration, sent.body
FROM deliveries LEFT JOIN sent ON sent.delivery = deliveries.number
WHERE number BETWEEN :event::bigint << 20 AND (:event::bigint << 20) + 1048575 AND number < :before
    AND (:state::text IS NULL OR state = :state)
    AND (:reason::text IS NULL OR reason = :reason)
    AND (:subscription_id::text IS NULL OR subscription_id = :subscription_id)
    AND (:destination_id::text IS NULL OR destination_id = :destination_id)
ORDER BY number DESC
LIMIT :limit;

-- name: deliveries_set_aside
-- For the states that few deliveries are in; the list is that of the partial index.
SELECT number, id, instance_id, event_id, topic_id, subscription_id, destination_id, recipient, state, reason,
    attempts, rescues, due_at, created_at, settled_at, code, detail, duration, sent.body
FROM deliveries LEFT JOIN sent ON sent.delivery = deliveries.number
WHERE instance_id = :instance_id AND number < :before AND state = :state
    AND state IN ('held', 'dead', 'suppressed', 'cancelled', 'folded')
    AND (:reason::text IS NULL OR reason = :reason)
    AND (:subscription_id::text IS NULL OR subscription_id = :subscription_id)
    AND (:destination_id::text IS NULL OR destination_id = :destination_id)
ORDER BY number DESC
LIMIT :limit;

-- name: deliveries_suppressed
-- Those that were suppressed for one reason; the list is that of the partial index.
SELECT number, id, instance_id, event_id, topic_id, subscription_id, destination_id, recipient, state, reason,
    attempts, rescues, due_at, created_at, settled_at, code, detail, duration, sent.body
FROM deliveries LEFT JOIN sent ON sent.delivery = deliveries.number
WHERE state = 'suppressed' AND reason = :reason AND instance_id = :instance_id AND number < :before
    AND (:subscription_id::text IS NULL OR subscription_id = :subscription_id)
    AND (:destination_id::text IS NULL OR destination_id = :destination_id)
ORDER BY number DESC
LIMIT :limit;

-- name: attempts
SELECT number, started_at, duration, reason, code, detail, excerpt, epoch
FROM attempts
WHERE delivery = (SELECT number FROM deliveries WHERE id = :id)
UNION ALL
SELECT attempts, started_at, duration, '', code, detail, excerpt, epoch
FROM deliveries
WHERE id = :id AND state = 'delivered'
ORDER BY epoch;

-- name: note_results
-- In one order, so that two nodes never wait for each other.
INSERT INTO destination_results AS known
    (destination_id, instance_id, at, delivery_id, reason, code, detail, succeeded_at)
SELECT * FROM unnest(
    :destination_id::text[], :instance_id::text[], :at::double precision[], :delivery_id::text[],
    :reason::text[], :code::text[], :detail::text[], :succeeded_at::double precision[]
) AS given (destination_id, instance_id, at, delivery_id, reason, code, detail, succeeded_at)
ORDER BY instance_id, destination_id
ON CONFLICT (instance_id, destination_id) DO UPDATE SET
    at = greatest(known.at, excluded.at),
    delivery_id = CASE WHEN excluded.at >= known.at THEN excluded.delivery_id ELSE known.delivery_id END,
    reason = CASE WHEN excluded.at >= known.at THEN excluded.reason ELSE known.reason END,
    code = CASE WHEN excluded.at >= known.at THEN excluded.code ELSE known.code END,
    detail = CASE WHEN excluded.at >= known.at THEN excluded.detail ELSE known.detail END,
    succeeded_at = greatest(known.succeeded_at, excluded.succeeded_at);

-- name: last_results
SELECT destination_id, instance_id, at, delivery_id, reason, code, detail, succeeded_at
FROM destination_results
WHERE instance_id = :instance_id;

-- name: forget_result
DELETE FROM destination_results WHERE instance_id = :instance_id AND destination_id = :destination_id;

-- name: note_heard
-- In one order, so that two nodes never wait for each other.
INSERT INTO last_seen (instance_id, source_id, received_at, event_id)
SELECT * FROM unnest(
    :instance_id::text[], :source_id::text[], :received_at::double precision[], :event_id::text[]
) AS given (instance_id, source_id, received_at, event_id)
ORDER BY instance_id, source_id, received_at, event_id
ON CONFLICT DO NOTHING;

-- name: trim_heard
DELETE FROM last_seen
WHERE instance_id = :instance_id AND source_id = :source_id
    AND (received_at, event_id) < (
        SELECT received_at, event_id FROM last_seen
        WHERE instance_id = :instance_id AND source_id = :source_id
        ORDER BY received_at DESC, event_id DESC
        LIMIT 1 OFFSET :kept
    );

-- name: last_heard_at
SELECT max(received_at) FROM last_seen WHERE instance_id = :instance_id AND source_id = :source_id;

-- name: last_heard
SELECT number, problems, schema_revision, replaced_by, flags, discarded, id, events.instance_id,
    events.source_id, events.received_at, registry_version, form, attributes, vocabulary, data
FROM last_seen
JOIN events ON events.id = last_seen.event_id
WHERE last_seen.instance_id = :instance_id AND last_seen.source_id = :source_id
ORDER BY number DESC;

-- name: forget_heard
DELETE FROM last_seen WHERE instance_id = :instance_id AND source_id = :source_id;

-- name: delivery_number
-- Locked, so that retention cannot take the delivery away before its receipt is written.
SELECT number FROM deliveries WHERE id = :id AND destination_id = :destination_id FOR KEY SHARE;

-- name: add_receipt
INSERT INTO receipts (delivery, vendor_id, status, code, detail, received_at)
SELECT :delivery, :vendor_id, :status, :code, :detail, :received_at
WHERE (SELECT count(*) FROM receipts WHERE delivery = :delivery) < :most
ON CONFLICT (delivery, vendor_id, status, code) DO NOTHING;

-- name: receipts
SELECT received_at, status, code, detail, vendor_id
FROM receipts
WHERE delivery = (SELECT number FROM deliveries WHERE id = :id)
ORDER BY received_at, status;

-- name: tallies
SELECT state, sum(deliveries)::bigint FROM tallies GROUP BY state;

-- Retention -----------------------------------------------------------------------------------------

-- name: delete_keys
-- Numbers follow time, so the search ends at the first row that is young; rows from the future, written
-- while a clock was wrong, do not end it.
DELETE FROM dedup_keys
WHERE number = ANY (ARRAY(
    SELECT number
    FROM dedup_keys
    WHERE at < :before
        AND number < coalesce((
            SELECT number FROM dedup_keys WHERE at >= :before AND at <= :now ORDER BY number LIMIT 1
        ), 9223372036854775807)
    ORDER BY number
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
))
RETURNING number;

-- name: delete_deliveries
-- The search ends as in delete_keys.
WITH old AS (
    SELECT number
    FROM deliveries
    WHERE state IN ('delivered', 'dead', 'suppressed', 'cancelled', 'folded') AND settled_at < :before
        AND number < coalesce((
            SELECT number FROM deliveries
            WHERE created_at >= :before AND created_at <= :now
            ORDER BY number LIMIT 1
        ), 9223372036854775807)
    ORDER BY number
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM deliveries WHERE number = ANY (ARRAY(SELECT number FROM old))
    RETURNING deliveries.number, deliveries.state
), untried AS (
    DELETE FROM attempts WHERE delivery = ANY (ARRAY(SELECT number FROM gone))
), untold AS (
    DELETE FROM receipts WHERE delivery = ANY (ARRAY(SELECT number FROM gone))
), unsent AS (
    DELETE FROM sent WHERE delivery = ANY (ARRAY(SELECT number FROM gone))
), uncounted AS (
    DELETE FROM repeats WHERE delivery = ANY (ARRAY(SELECT number FROM gone))
), unheld AS (
    DELETE FROM holds WHERE delivery = ANY (ARRAY(SELECT number FROM gone))
), counted AS (
    INSERT INTO tallies (incarnation, state, deliveries)
    SELECT :incarnation, state, -count(*) FROM gone GROUP BY state ORDER BY state
    ON CONFLICT (incarnation, state) DO UPDATE SET deliveries = tallies.deliveries + excluded.deliveries
)
SELECT number FROM gone;

-- name: lock_old_events
-- An event stays as long as a delivery of it may still be sent, or is a dead letter that may be replayed;
-- quarantined ones stay as long as dead letters do. The search ends as in delete_keys.
SELECT number
FROM events
WHERE received_at < CASE WHEN problems IS NULL THEN :before::double precision
        ELSE least(:before::double precision, :quarantined_before::double precision) END
    AND number < coalesce((
        SELECT number FROM events
        WHERE received_at >= :before AND received_at <= :now
        ORDER BY number LIMIT 1
    ), 9223372036854775807)
    AND NOT EXISTS (
        SELECT 1 FROM deliveries
        WHERE deliveries.number BETWEEN events.number << 20 AND (events.number << 20) + 1048575
            AND state IN ('pending', 'leased', 'held', 'dead')
    )
ORDER BY number
LIMIT :limit
FOR UPDATE SKIP LOCKED;

-- name: delete_events
-- Asked again once the events are locked: a replay may have reopened a delivery of one meanwhile.
DELETE FROM events
WHERE number = ANY (:numbers::bigint[])
    AND NOT EXISTS (
        SELECT 1 FROM deliveries
        WHERE deliveries.number BETWEEN events.number << 20 AND (events.number << 20) + 1048575
            AND state IN ('pending', 'leased', 'held', 'dead')
    )
RETURNING number;

-- name: delete_quiet_windows
DELETE FROM windows
WHERE key = ANY (ARRAY(
    SELECT key FROM windows WHERE suppressed = 0 AND until <= :now LIMIT :limit FOR UPDATE SKIP LOCKED
))
RETURNING key;

-- name: delete_busy_windows
-- One that suppressed something stays until the next one tells how many, or as long as deliveries do.
DELETE FROM windows
WHERE key = ANY (ARRAY(
    SELECT key FROM windows WHERE suppressed > 0 AND until < :before LIMIT :limit FOR UPDATE SKIP LOCKED
))
RETURNING key;

-- name: delete_rates
DELETE FROM rates
WHERE stream = ANY (ARRAY(SELECT stream FROM rates WHERE until < :idle_since FOR UPDATE SKIP LOCKED));

-- Counts --------------------------------------------------------------------------------------------

-- name: add_counts
-- In one order, so that two nodes never wait for each other.
INSERT INTO counts (subject, day, what, number)
SELECT * FROM unnest(:subjects::text[], :days::integer[], :whats::text[], :numbers::bigint[]) AS new (subject, day, what, number)
ORDER BY subject, day, what
ON CONFLICT (subject, day, what) DO UPDATE SET number = counts.number + excluded.number;

-- name: counts_of
SELECT subject, day, what, number FROM counts
WHERE subject = ANY (:subjects::text[]) AND day >= :since
ORDER BY subject, day;

-- name: forget_counts
DELETE FROM counts WHERE day < :before;

-- Monitors ------------------------------------------------------------------------------------------

-- name: add_observations
INSERT INTO observations (monitor_id, key, failed, value, event_id, at)
SELECT * FROM unnest(
    :monitor_ids::text[], :places::text[], :failures::boolean[], :numbers::double precision[],
    :event_ids::text[], :ats::double precision[]
);

-- name: observations
SELECT number, monitor_id, key, failed, value, event_id, at FROM observations ORDER BY number LIMIT :limit;

-- name: take_observations
-- In one order, so that two nodes never wait for each other.
WITH held AS MATERIALIZED (
    SELECT number FROM observations WHERE number = ANY (:numbers::bigint[]) ORDER BY number FOR UPDATE
), taken AS (
    DELETE FROM observations WHERE number = ANY (ARRAY(SELECT number FROM held)) RETURNING 1
)
SELECT count(*) FROM taken;

-- name: observed_among
SELECT EXISTS (
    SELECT FROM unnest(:monitor_ids::text[], :places::text[]) AS one (monitor_id, key)
    JOIN observations USING (monitor_id, key)
);

-- name: standings
SELECT revision, body
FROM unnest(:monitor_ids::text[], :places::text[]) AS one (monitor_id, key)
JOIN standings USING (monitor_id, key);

-- name: standings_of
SELECT revision, body FROM standings
WHERE monitor_id = :monitor_id AND (:after::text IS NULL OR key > :after::text)
ORDER BY key
LIMIT :limit;

-- name: standings_tally
SELECT monitor_id, state, count(*) FROM standings
WHERE monitor_id = ANY (:monitor_ids::text[])
GROUP BY monitor_id, state;

-- name: standings_awake
SELECT revision, body FROM standings WHERE wake_at <= :now ORDER BY wake_at LIMIT :limit;

-- name: put_standings
-- Yields a row for each that nobody else wrote since; in one order, so that two nodes never wait for each other.
INSERT INTO standings AS known (monitor_id, key, revision, state, wake_at, body)
SELECT monitor_id, key, revision + 1, state, wake_at, body
FROM unnest(
    :monitor_ids::text[], :places::text[], :revisions::bigint[], :states::text[],
    :wake_ats::double precision[], :bodies::text[]
) AS one (monitor_id, key, revision, state, wake_at, body)
WHERE revision = 0 OR EXISTS (
    SELECT FROM standings AS before WHERE before.monitor_id = one.monitor_id AND before.key = one.key
)
ORDER BY monitor_id, key
ON CONFLICT (monitor_id, key) DO UPDATE
    SET revision = excluded.revision, state = excluded.state, wake_at = excluded.wake_at, body = excluded.body
    WHERE known.revision = excluded.revision - 1
RETURNING 1;

-- name: add_notices
INSERT INTO notices (id, instance_id, body)
SELECT * FROM unnest(:ids::text[], :instance_ids::text[], :bodies::bytea[])
ON CONFLICT (id) DO NOTHING;

-- name: notices
SELECT id, instance_id, body FROM notices ORDER BY number LIMIT :limit;

-- name: forget_notices
DELETE FROM notices WHERE id = ANY (:ids::text[]);

-- name: forget_standings
DELETE FROM standings WHERE monitor_id = :monitor_id;

-- name: forget_observations
DELETE FROM observations WHERE monitor_id = :monitor_id;

-- name: alive_at
SELECT at FROM alive FOR UPDATE;

-- name: note_alive
INSERT INTO alive (sole, at) VALUES (1, :now) ON CONFLICT (sole) DO UPDATE SET at = excluded.at;

-- name: add_outage
INSERT INTO outages (started_at, ended_at) VALUES (:started_at, :ended_at);

-- name: newest_outage
SELECT coalesce(max(number), 0) FROM outages;

-- name: outages
SELECT started_at, ended_at FROM outages WHERE ended_at > :since ORDER BY started_at;

-- name: forget_outages
DELETE FROM outages WHERE ended_at < :before;

-- Incidents -----------------------------------------------------------------------------------------

-- name: lock_incidents
-- Few locks, so that a large group does not fill the server's table of them; in one order.
SELECT pg_advisory_xact_lock(lock)
FROM (
    SELECT DISTINCT hashtext('tocsin.incidents.' || current_schema())::bigint << 8
        | (hashtextextended(key, 0) & 63) AS lock
    FROM unnest(:instance_ids::text[], :keys::text[]) AS one (instance_id, key)
    ORDER BY lock
) AS ordered;

-- name: newest_incidents
-- Locked too: a person may be acknowledging one, which does not take the key's lock.
SELECT found.body
FROM unnest(:instance_ids::text[], :keys::text[]) AS one (instance_id, key)
CROSS JOIN LATERAL (
    SELECT body FROM incidents
    WHERE instance_id = one.instance_id AND key = one.key
    ORDER BY number DESC
    LIMIT 1
    FOR UPDATE
) AS found;

-- name: any_open_incident
SELECT EXISTS (
    SELECT FROM unnest(:instance_ids::text[], :keys::text[]) AS one (instance_id, key)
    CROSS JOIN LATERAL (
        SELECT state FROM incidents
        WHERE instance_id = one.instance_id AND key = one.key
        ORDER BY number DESC
        LIMIT 1
    ) AS newest
    WHERE newest.state <> 'resolved'
);

-- name: put_incidents
INSERT INTO incidents (id, instance_id, key, revision, state, last_at, wake_at, body)
SELECT id, instance_id, key, revision, state, last_at, wake_at, body
FROM unnest(
    :ids::text[], :instance_ids::text[], :keys::text[], :revisions::integer[], :states::text[],
    :last_ats::double precision[], :wake_ats::double precision[], :bodies::text[]
) WITH ORDINALITY AS one (id, instance_id, key, revision, state, last_at, wake_at, body, place)
ORDER BY place
ON CONFLICT (id) DO UPDATE
    SET revision = excluded.revision, state = excluded.state, last_at = excluded.last_at,
        wake_at = excluded.wake_at, body = excluded.body;

-- name: add_chapters
INSERT INTO incident_events (event, incident_id, body)
SELECT event.number, one.incident_id, one.body
FROM unnest(:event_ids::text[], :incident_ids::text[], :bodies::text[]) AS one (event_id, incident_id, body)
CROSS JOIN LATERAL (SELECT number FROM events WHERE events.id = one.event_id LIMIT 1) AS event;

-- name: suppress_event
-- What was just planned for an event whose incident is damped; yields the states that they were in.
WITH place AS (
    SELECT number << 20 AS first FROM events WHERE id = :event_id
), open AS (
    SELECT number, state FROM deliveries
    WHERE number BETWEEN (SELECT first FROM place) AND (SELECT first FROM place) + 1048575
        AND state IN ('pending', 'leased', 'held')
    ORDER BY number
    FOR UPDATE
), suppressed AS (
    UPDATE deliveries SET state = 'suppressed', reason = :reason, settled_at = :now, owner = NULL
    WHERE deliveries.number = ANY (ARRAY(SELECT number FROM open))
)
SELECT state FROM open;

-- name: incident
SELECT body FROM incidents WHERE id = :id AND instance_id = :instance_id;

-- name: incidents
SELECT number, body FROM incidents
WHERE instance_id = :instance_id AND number < :before AND state = ANY (:states::text[])
ORDER BY number DESC
LIMIT :limit;

-- name: events_of_incident
SELECT events.id, events.received_at, told.body
FROM (
    SELECT event, body FROM incident_events WHERE incident_id = :incident_id ORDER BY event DESC LIMIT :limit
) AS told
CROSS JOIN LATERAL (SELECT id, received_at FROM events WHERE number = told.event LIMIT 1) AS events
ORDER BY told.event DESC;

-- name: chapter
SELECT body FROM incident_events WHERE event = (SELECT number FROM events WHERE id = :event_id);

-- name: incidents_awake
SELECT body FROM incidents WHERE wake_at <= :now ORDER BY wake_at LIMIT :limit;

-- name: save_incident
UPDATE incidents
SET revision = :revision, state = :state, last_at = :last_at, wake_at = :wake_at, body = :body
WHERE id = :id AND revision = :before
RETURNING id;

-- name: rouse_incidents
UPDATE incidents SET wake_at = :now
WHERE instance_id = ANY (:instance_ids::text[]) AND state = 'open' AND body::json ->> 'calm_since' IS NULL;

-- name: thread
SELECT incident_id, subscription_id, recipient, delivery_id, answer, at
FROM incident_threads
WHERE incident_id = :incident_id AND subscription_id = :subscription_id AND recipient = :recipient;

-- name: threads
SELECT incident_id, subscription_id, recipient, delivery_id, answer, at
FROM incident_threads
WHERE incident_id = :incident_id
ORDER BY subscription_id, recipient;

-- name: keep_threads
-- In one order, so that two groups never wait for each other.
INSERT INTO incident_threads (incident_id, subscription_id, recipient, delivery_id, answer, at)
SELECT * FROM unnest(
    :incident_id::text[], :subscription_id::text[], :recipient::text[], :delivery_id::text[],
    :answer::text[], :at::double precision[]
) AS one (incident_id, subscription_id, recipient, delivery_id, answer, at)
ORDER BY incident_id, subscription_id, recipient
ON CONFLICT DO NOTHING;

-- name: event_of_delivery
SELECT event_id FROM deliveries WHERE id = :id;

-- name: lock_event
-- One at a time adds deliveries to an event.
SELECT number, instance_id FROM events WHERE id = :event_id FOR NO KEY UPDATE;

-- name: planned_of_event
SELECT number, id, subscription_id, recipient
FROM deliveries
WHERE number BETWEEN :event::bigint << 20 AND (:event::bigint << 20) + 1048575;

-- name: add_planned
INSERT INTO deliveries
    (number, id, instance_id, event_id, topic_id, subscription_id, destination_id, recipient, state,
     reason, epoch, owner, due_at, created_at, settled_at)
SELECT :place::bigint + nth, id, instance_id, event_id, topic_id, subscription_id, destination_id, recipient,
    state, reason, epoch, owner, due_at, created_at, settled_at
FROM unnest(
    :delivery_ids::text[], :instance_ids::text[], :event_ids::text[], :topic_ids::text[],
    :subscription_ids::text[], :destination_ids::text[], :recipients::text[], :states::text[],
    :reasons::text[], :epochs::integer[], :owners::integer[], :due_ats::double precision[],
    :created_ats::double precision[], :settled_ats::double precision[]
) WITH ORDINALITY AS one (
    id, instance_id, event_id, topic_id, subscription_id, destination_id, recipient, state, reason, epoch,
    owner, due_at, created_at, settled_at, nth
);

-- name: delete_incidents
-- Closed ones that nothing happened to for long, with what they remember of their receivers.
WITH gone AS (
    DELETE FROM incidents
    WHERE number = ANY (ARRAY(
        SELECT number FROM incidents
        WHERE state = 'resolved' AND last_at < :before
        ORDER BY last_at
        LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING id
)
DELETE FROM incident_threads WHERE incident_id = ANY (ARRAY(SELECT id FROM gone));

-- name: delete_chapters
DELETE FROM incident_events
WHERE event = ANY (:numbers::bigint[]) AND NOT EXISTS (SELECT 1 FROM events WHERE number = event);

-- Polls ----------------------------------------------------------------------------------------------

-- name: keep_polls
-- A new one is due at once; no other later than its period has it, whatever clocks did.
INSERT INTO polls (source_id, revision, due_at, body)
SELECT source_id, 0, :now, body
FROM unnest(:source_ids::text[], :bodies::text[]) AS one (source_id, body)
ON CONFLICT (source_id) DO NOTHING;

-- name: hasten_polls
UPDATE polls SET due_at = one.latest
FROM unnest(:source_ids::text[], :latests::double precision[]) AS one (source_id, latest)
WHERE polls.source_id = one.source_id AND polls.due_at > one.latest;

-- name: claim_polls
UPDATE polls SET due_at = :until, revision = polls.revision + 1
FROM (
    SELECT source_id FROM polls
    WHERE due_at <= :now AND source_id = ANY (:source_ids::text[])
    ORDER BY due_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
) AS due
WHERE polls.source_id = due.source_id
RETURNING polls.revision, polls.body;

-- name: put_poll
-- Yields a row unless somebody else claimed or wrote it since.
UPDATE polls SET revision = revision + 1, due_at = :due_at, body = :body
WHERE source_id = :source_id AND revision = :revision
RETURNING 1;

-- name: poll
SELECT revision, body FROM polls WHERE source_id = :source_id;

-- name: forget_polls
DELETE FROM polls WHERE source_id = ANY (:source_ids::text[]);
