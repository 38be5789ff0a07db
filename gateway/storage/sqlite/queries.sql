-- Every statement of the SQLite store. A list `VALUES (?, ...)` is repeated for many rows at once
-- (gateway.storage.named_sql.widen): one step of SQLite then does the work of a whole group, and the
-- writing thread asks for the interpreter's lock once instead of once a row. OR FAIL stands where the
-- caller rolls back anyway: SQLite then keeps no journal for the single statement.

-- Schema --------------------------------------------------------------------------------------------

-- name: create_migrations
CREATE TABLE IF NOT EXISTS migrations (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at REAL NOT NULL
);

-- name: applied_migrations
SELECT number, checksum FROM migrations ORDER BY number;

-- name: record_migration
INSERT INTO migrations (number, name, checksum, applied_at) VALUES (?, ?, ?, ?);

-- Registry ------------------------------------------------------------------------------------------

-- name: registry_version
SELECT version FROM registry;

-- name: set_registry_version
UPDATE registry SET version = ?;

-- name: current_entities
SELECT kind, body FROM entities;

-- name: entities_at
-- SQLite takes the bare columns from the row that holds the maximum.
SELECT kind, body
FROM (
    SELECT kind, body, deleted, max(version)
    FROM revisions
    WHERE version <= ?
    GROUP BY kind, id
)
WHERE NOT deleted;

-- name: put_entity
INSERT OR REPLACE INTO entities (kind, id, version, body) VALUES (?, ?, ?, ?);

-- name: remove_entity
DELETE FROM entities WHERE kind = ? AND id = ?;

-- name: add_revision
-- Of two changes of one entity in one call, the last is the revision.
INSERT OR REPLACE INTO revisions (kind, id, version, deleted, body) VALUES (?, ?, ?, ?, ?);

-- name: free_texts
DELETE FROM unique_texts WHERE kind = ? AND id = ?;

-- name: take_text
-- Changes nothing when another entity holds the text; an entity may name the same text twice.
INSERT INTO unique_texts (kind, instance_id, text, id) VALUES (?, ?, ?, ?)
ON CONFLICT (kind, instance_id, text) DO UPDATE SET id = excluded.id WHERE id = excluded.id;

-- Effects -------------------------------------------------------------------------------------------

-- name: add_effect
INSERT INTO effects (name, destination_id, subscription_id, recipients, reason, up_to, state, place)
VALUES (:name, :destination_id, :subscription_id, :recipients, :reason, :up_to, :state, :place);

-- name: drop_holds
-- A hold and its release undo each other: of what is left of them, the newest takes the place.
DELETE FROM effects
WHERE destination_id = :destination_id AND reason = :reason AND name IN ('hold', 'unhold');

-- name: next_effect
-- Those of one destination one after the other, destinations in turn.
SELECT number, name, destination_id, subscription_id, recipients, reason, up_to, state, place
FROM effects
WHERE NOT EXISTS (
    SELECT 1 FROM effects AS before
    WHERE before.destination_id = effects.destination_id AND before.number < effects.number
)
ORDER BY turn, number
LIMIT 1;

-- name: move_effect
UPDATE effects SET state = :state, place = :place, turn = turn + 1 WHERE number = :number;

-- name: end_effect
DELETE FROM effects WHERE number = :number;

-- name: leased_of_destination
SELECT number, subscription_id, recipient, reason
FROM deliveries
WHERE state = 'leased' AND destination_id = :destination_id;

-- name: pending_from
SELECT due_at, rescues, subscription_id, number, recipient, reason
FROM deliveries
WHERE state = 'pending' AND destination_id = :destination_id
    AND (due_at, rescues, subscription_id, number) > (:due_at, :rescues, :after_subscription, :number)
ORDER BY due_at, rescues, subscription_id, number
LIMIT :limit;

-- name: held_from
SELECT number, subscription_id, recipient, reason
FROM deliveries
WHERE state = 'held' AND destination_id = :destination_id AND number > :number
ORDER BY number
LIMIT :limit;

-- name: cancel
UPDATE deliveries SET state = 'cancelled', reason = :reason, settled_at = :now, owner = NULL
WHERE number IN (SELECT value FROM json_each(:numbers));

-- name: hold
UPDATE deliveries SET state = 'held', reason = :reason
WHERE number IN (SELECT value FROM json_each(:numbers));

-- name: unhold
UPDATE deliveries SET state = 'pending', reason = :reason, due_at = :now
WHERE number IN (SELECT value FROM json_each(:numbers));

-- Accepting -----------------------------------------------------------------------------------------

-- name: newest_number
-- The highest event number in use; deliveries and keys outlive their events.
SELECT max(
    coalesce((SELECT max(number) FROM events), 0),
    coalesce((SELECT max(number) FROM dedup_keys), 0),
    coalesce((SELECT max(number) >> 20 FROM deliveries), 0)
);

-- name: known_keys
SELECT key, event_id, quarantined FROM dedup_keys WHERE key IN (VALUES (?));

-- name: forget_keys
DELETE FROM dedup_keys WHERE key IN (VALUES (?));

-- name: add_keys
INSERT OR FAIL INTO dedup_keys (number, key, event_id, at, quarantined) VALUES (?, ?, ?, ?, ?);

-- name: mark_replaced
UPDATE events SET replaced_by = ? WHERE id = ?;

-- name: end_quarantine
UPDATE events SET replaced_by = :replaced_by, discarded = :discarded
WHERE id = :id AND instance_id = :instance_id
    AND problems IS NOT NULL AND replaced_by IS NULL AND discarded IS NULL;

-- name: add_events
INSERT OR FAIL INTO events
    (number, id, instance_id, source_id, received_at, registry_version, form, schema_revision, problems,
     attributes, vocabulary, data, flags)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: add_deliveries
INSERT OR FAIL INTO deliveries
    (number, id, instance_id, event_id, topic_id, subscription_id, destination_id, recipient, state, reason,
     epoch, owner, due_at, created_at, settled_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: move_tallies
UPDATE OR FAIL tallies SET deliveries = deliveries + moved.change
FROM (SELECT column1 AS state, column2 AS change FROM (VALUES (?, ?))) AS moved
WHERE tallies.state = moved.state;

-- name: open_windows
-- An open window only counts; one that ended, or that nobody has opened, is opened by the delivery given.
-- Yields who opened each, and how many the one before suppressed.
INSERT INTO windows (key, opened_at, until, origin, first, suppressed) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET
    before = iif(until <= excluded.opened_at, suppressed, before),
    suppressed = excluded.suppressed + iif(until <= excluded.opened_at, 0, suppressed + 1),
    origin = iif(until <= excluded.opened_at, excluded.origin, origin),
    first = iif(until <= excluded.opened_at, excluded.first, first),
    until = iif(until <= excluded.opened_at, excluded.until, until),
    opened_at = iif(until <= excluded.opened_at, excluded.opened_at, opened_at)
RETURNING key, origin, before;

-- name: add_repeats
INSERT OR FAIL INTO repeats (delivery, number) VALUES (?, ?);

-- name: add_streams
INSERT INTO streams
    (stream, reason, instance_id, topic_id, subscription_id, destination_id, recipient, wake_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (stream) DO UPDATE SET wake_at = excluded.wake_at WHERE excluded.wake_at < wake_at;

-- name: add_holds
INSERT OR FAIL INTO holds (delivery, stream, until, rank) VALUES (?, ?, ?, ?);

-- Settling ------------------------------------------------------------------------------------------

-- name: add_attempts
INSERT OR REPLACE INTO attempts
    (delivery, epoch, number, started_at, duration, reason, code, detail, excerpt)
SELECT held.number, held.epoch, tried.number, tried.started_at, tried.duration, tried.reason, tried.code,
    tried.detail, tried.excerpt
FROM (
    SELECT column1 AS id, column2 AS epoch, column3 AS number, column4 AS started_at, column5 AS duration,
        column6 AS reason, column7 AS code, column8 AS detail, column9 AS excerpt
    FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?))
) AS tried
CROSS JOIN deliveries AS held
WHERE held.id = tried.id AND held.epoch = tried.epoch AND held.state = 'leased';

-- name: keep_sent
INSERT OR REPLACE INTO sent (delivery, body)
SELECT held.number, went.body
FROM (SELECT column1 AS id, column2 AS epoch, column3 AS body FROM (VALUES (?, ?, ?))) AS went
CROSS JOIN deliveries AS held
WHERE held.id = went.id AND held.epoch = went.epoch AND held.state = 'leased';

-- name: settle
UPDATE OR FAIL deliveries SET
    state = result.state, reason = result.reason,
    due_at = CASE result.state WHEN 'pending' THEN result.due_at ELSE deliveries.due_at END,
    settled_at = result.settled_at, owner = NULL, attempts = attempts + 1, started_at = result.started_at,
    duration = result.duration, code = result.code, detail = result.detail, excerpt = result.excerpt,
    rescues = CASE result.state WHEN 'pending' THEN 0 ELSE deliveries.rescues END
FROM (
    SELECT column1 AS id, column2 AS epoch, column3 AS state, column4 AS reason, column5 AS due_at,
        column6 AS settled_at, column7 AS started_at, column8 AS duration, column9 AS code,
        column10 AS detail, column11 AS excerpt
    FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?))
) AS result
WHERE deliveries.id = result.id AND deliveries.epoch = result.epoch AND deliveries.state = 'leased';

-- name: settle_untried
UPDATE OR FAIL deliveries SET
    state = result.state, reason = result.reason,
    due_at = CASE result.state WHEN 'pending' THEN result.due_at ELSE deliveries.due_at END,
    settled_at = result.settled_at, owner = NULL
FROM (
    SELECT column1 AS id, column2 AS epoch, column3 AS state, column4 AS reason, column5 AS due_at,
        column6 AS settled_at
    FROM (VALUES (?, ?, ?, ?, ?, ?))
) AS result
WHERE deliveries.id = result.id AND deliveries.epoch = result.epoch AND deliveries.state = 'leased';

-- name: add_streams_of
INSERT INTO streams
    (stream, reason, instance_id, topic_id, subscription_id, destination_id, recipient, wake_at)
SELECT policy.stream, held.reason, held.instance_id, held.topic_id, held.subscription_id, held.destination_id,
    held.recipient, policy.until
FROM (
    SELECT column1 AS id, column2 AS epoch, column3 AS stream, column4 AS until, column5 AS rank
    FROM (VALUES (?, ?, ?, ?, ?))
) AS policy
CROSS JOIN deliveries AS held
WHERE held.id = policy.id AND held.epoch = policy.epoch AND held.state = 'held'
ON CONFLICT (stream) DO UPDATE SET wake_at = excluded.wake_at WHERE excluded.wake_at < wake_at;

-- name: add_holds_of
INSERT OR REPLACE INTO holds (delivery, stream, until, rank)
SELECT held.number, policy.stream, policy.until, policy.rank
FROM (
    SELECT column1 AS id, column2 AS epoch, column3 AS stream, column4 AS until, column5 AS rank
    FROM (VALUES (?, ?, ?, ?, ?))
) AS policy
CROSS JOIN deliveries AS held
WHERE held.id = policy.id AND held.epoch = policy.epoch AND held.state = 'held';

-- name: windows_of
SELECT key, origin, first FROM windows WHERE first IN (VALUES (?));

-- name: latest_suppressed
-- Without its event there is nothing to send.
SELECT number, id
FROM deliveries
WHERE state = 'suppressed' AND reason = ?
    AND EXISTS (SELECT 1 FROM events WHERE events.number = deliveries.number >> 20)
ORDER BY number DESC
LIMIT 1;

-- name: come_forward
UPDATE deliveries SET state = 'pending', reason = ?, due_at = ?, settled_at = NULL WHERE number = ?;

-- name: copy_repeats
INSERT OR REPLACE INTO repeats (delivery, number)
SELECT ?, number FROM repeats WHERE delivery = (SELECT number FROM deliveries WHERE id = ?);

-- name: move_window
UPDATE windows SET first = ?, suppressed = suppressed - 1 WHERE key = ?;

-- name: close_window
-- The next one opens it anew.
UPDATE windows SET until = 0 WHERE key = ?;

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
    SELECT min(due_at) FROM deliveries WHERE state = 'pending' AND destination_id = heads.destination_id
) AS due_at
FROM heads
WHERE destination_id IS NOT NULL
    AND destination_id NOT IN (SELECT destination_id FROM effects WHERE name IN ('cancel', 'hold'));

-- name: due_of_destination
SELECT due_at, number
FROM deliveries
WHERE state = 'pending' AND destination_id = ? AND due_at <= ? AND rescues < 3
ORDER BY due_at
LIMIT ?;

-- name: oldest_suspect
SELECT number
FROM deliveries
WHERE state = 'pending' AND rescues >= 3 AND due_at <= ?
    AND destination_id NOT IN (SELECT destination_id FROM effects WHERE name IN ('cancel', 'hold'))
ORDER BY due_at
LIMIT 1;

-- name: lease
UPDATE deliveries SET state = 'leased', owner = ?, epoch = epoch + 1
WHERE number IN (SELECT value FROM json_each(?));

-- name: claimed
SELECT claimed.id, claimed.epoch, claimed.topic_id, claimed.subscription_id, claimed.destination_id,
    claimed.recipient, claimed.attempts, claimed.rescues,
    coalesce((SELECT number FROM repeats WHERE delivery = claimed.number), 0),
    events.id, events.instance_id, events.source_id, events.received_at, events.registry_version, events.form,
    events.attributes, events.vocabulary, events.data, incident_events.body
FROM deliveries AS claimed JOIN events ON events.number = claimed.number >> 20
    LEFT JOIN incident_events ON incident_events.event = claimed.number >> 20
WHERE claimed.number IN (SELECT value FROM json_each(?))
ORDER BY claimed.due_at, claimed.number;

-- name: state_of
SELECT state FROM deliveries WHERE id = ? AND instance_id = ?;

-- name: keep_success
-- A replay writes its own results onto the delivery; the success it reopens moves to the attempts.
INSERT OR REPLACE INTO attempts
    (delivery, epoch, number, started_at, duration, reason, code, detail, excerpt)
SELECT number, epoch, attempts, started_at, duration, '', code, detail, excerpt
FROM deliveries
WHERE id = ? AND state = 'delivered'
    AND EXISTS (SELECT 1 FROM events WHERE events.number = deliveries.number >> 20);

-- name: reopen
-- Without its event there is nothing to send.
UPDATE deliveries SET state = 'pending', reason = 'replayed', due_at = ?, settled_at = NULL, attempts = 0, rescues = 0
WHERE id = ? AND state IN ('delivered', 'dead', 'suppressed', 'cancelled')
    AND EXISTS (SELECT 1 FROM events WHERE events.number = deliveries.number >> 20);

-- name: end_hold_of
DELETE FROM holds WHERE delivery = (SELECT number FROM deliveries WHERE id = ?);

-- Holds ---------------------------------------------------------------------------------------------

-- name: streams_due
SELECT stream, reason, instance_id, topic_id, subscription_id, destination_id, recipient, wake_at
FROM streams
WHERE wake_at <= ?
ORDER BY wake_at
LIMIT ?;

-- name: next_stream
SELECT min(wake_at) FROM streams;

-- name: held
SELECT holds.delivery, deliveries.id, holds.until,
    events.id, events.instance_id, events.source_id, events.received_at, events.registry_version, events.form,
    events.attributes, events.vocabulary, events.data
FROM holds INDEXED BY holds_of_stream
    CROSS JOIN deliveries ON deliveries.number = holds.delivery
    CROSS JOIN events ON events.number = holds.delivery >> 20
WHERE stream = :stream AND holds.delivery > :after AND until <= :until AND state = 'held'
ORDER BY holds.delivery
LIMIT :limit;

-- name: releasable
SELECT delivery
FROM holds INDEXED BY holds_by_rank CROSS JOIN deliveries ON deliveries.number = holds.delivery
WHERE stream = :stream AND until <= :until AND state = 'held'
ORDER BY rank DESC, delivery
LIMIT :limit;

-- name: foldable
SELECT delivery
FROM holds INDEXED BY holds_of_stream CROSS JOIN deliveries ON deliveries.number = holds.delivery
WHERE stream = :stream AND delivery <= :up_to AND until <= :until AND state = 'held';

-- name: fold
UPDATE deliveries SET state = 'folded', reason = :reason, settled_at = :now
WHERE number IN (SELECT value FROM json_each(:numbers));

-- name: end_holds
DELETE FROM holds WHERE delivery IN (SELECT value FROM json_each(?));

-- name: end_holds_up_to
DELETE FROM holds WHERE stream = :stream AND delivery <= :up_to AND until <= :until;

-- name: wakes_at
-- Then, if something can be released then; else when it can, or NULL where nothing is left.
SELECT iif(
    EXISTS (SELECT 1 FROM holds WHERE stream = :stream AND until <= :wake_at),
    :wake_at,
    (SELECT min(until) FROM holds WHERE stream = :stream)
);

-- name: postpone
UPDATE streams SET wake_at = ? WHERE stream = ?;

-- name: end_stream
DELETE FROM streams WHERE stream = :stream;

-- name: rouse
UPDATE streams SET wake_at = min(wake_at, ?) WHERE subscription_id IN (SELECT value FROM json_each(?));

-- name: memory
SELECT body FROM digest_memories WHERE subscription_id = ? AND recipient = ?;

-- name: put_memory
INSERT OR REPLACE INTO digest_memories (subscription_id, recipient, body) VALUES (?, ?, ?);

-- name: forget_memories
DELETE FROM digest_memories WHERE subscription_id = ?;

-- Rates ---------------------------------------------------------------------------------------------

-- name: rate
SELECT log FROM rates WHERE stream = ?;

-- name: put_rate
INSERT OR REPLACE INTO rates (stream, log, until) VALUES (?, ?, ?);

-- Incarnations --------------------------------------------------------------------------------------

-- name: bury_suspects
-- What was sent alone and lost its lease once more is what ends the process.
UPDATE deliveries
SET state = 'dead', reason = 'crashed_while_sent', settled_at = ?, rescues = rescues + 1, owner = NULL
WHERE state = 'leased' AND rescues >= 3
RETURNING id;

-- name: rescue_leased
UPDATE deliveries SET state = 'pending', reason = 'lease_lost', due_at = ?, rescues = rescues + 1, owner = NULL
WHERE state = 'leased';

-- name: open_incarnation
INSERT INTO incarnations (owner, opened_at, checked_at) VALUES (?, ?, ?);

-- name: give_leases_back
UPDATE deliveries SET state = 'pending', reason = 'stopped', due_at = ?, owner = NULL
WHERE state = 'leased' AND owner = ?;

-- name: check_incarnation
UPDATE incarnations SET checked_at = ? WHERE number = ?;

-- name: nodes
SELECT incarnations.owner, opened_at, checked_at, (
    SELECT count(*) FROM deliveries WHERE state = 'leased' AND deliveries.owner = incarnations.number
)
FROM incarnations
WHERE number = ?;

-- name: close_incarnation
UPDATE incarnations SET closed_at = ? WHERE number = ?;

-- Reading -------------------------------------------------------------------------------------------

-- name: event
SELECT number, problems, schema_revision, replaced_by, flags, discarded, id, instance_id, source_id,
    received_at, registry_version, form, attributes, vocabulary, data
FROM events
WHERE id = :id AND instance_id = :instance_id;

-- name: events
SELECT number, problems, schema_revision, replaced_by, flags, discarded, id, instance_id, source_id,
    received_at, registry_version, form, attributes, vocabulary, data
FROM events
WHERE instance_id = :instance_id AND number < :before
    AND (:source_id IS NULL OR source_id = :source_id)
    AND (:type IS NULL OR json_extract(attributes, '$.type') = :type)
    AND (:quarantined IS NULL OR (problems IS NOT NULL AND replaced_by IS NULL AND discarded IS NULL) = :quarantined)
    AND (:search IS NULL
        OR instr(lower(id), lower(:search))
        OR instr(lower(json_extract(attributes, '$.id')), lower(:search))
        OR instr(lower(json_extract(attributes, '$.type')), lower(:search))
        OR instr(lower(json_extract(vocabulary, '$.title')), lower(:search)))
ORDER BY number DESC
LIMIT :limit;

-- name: quarantined_events
SELECT number, problems, schema_revision, replaced_by, flags, discarded, id, instance_id, source_id,
    received_at, registry_version, form, attributes, vocabulary, data
FROM events
WHERE instance_id = :instance_id AND number < :before AND problems IS NOT NULL AND replaced_by IS NULL
    AND discarded IS NULL
    AND (:source_id IS NULL OR source_id = :source_id)
    AND (:type IS NULL OR json_extract(attributes, '$.type') = :type)
    AND (:search IS NULL
        OR instr(lower(id), lower(:search))
        OR instr(lower(json_extract(attributes, '$.id')), lower(:search))
        OR instr(lower(json_extract(attributes, '$.type')), lower(:search))
        OR instr(lower(json_extract(vocabulary, '$.title')), lower(:search)))
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
    AND (:event_id IS NULL OR event_id = :event_id)
    AND (:state IS NULL OR state = :state)
    AND (:reason IS NULL OR reason = :reason)
    AND (:subscription_id IS NULL OR subscription_id = :subscription_id)
    AND (:destination_id IS NULL OR destination_id = :destination_id)
ORDER BY number DESC
LIMIT :limit;

-- name: number_of_event
SELECT number FROM events WHERE id = ? AND instance_id = ?;

-- name: deliveries_of_event
SELECT number, id, instance_id, event_id, topic_id, subscription_id, destination_id, recipient, state, reason,
    attempts, rescues, due_at, created_at, settled_at, code, detail, duration, sent.body
FROM deliveries LEFT JOIN sent ON sent.delivery = deliveries.number
WHERE number BETWEEN :event << 20 AND (:event << 20) + 1048575 AND number < :before
    AND (:state IS NULL OR state = :state)
    AND (:reason IS NULL OR reason = :reason)
    AND (:subscription_id IS NULL OR subscription_id = :subscription_id)
    AND (:destination_id IS NULL OR destination_id = :destination_id)
ORDER BY number DESC
LIMIT :limit;

-- name: deliveries_set_aside
-- For the states that few deliveries are in; the list is that of the partial index.
SELECT number, id, instance_id, event_id, topic_id, subscription_id, destination_id, recipient, state, reason,
    attempts, rescues, due_at, created_at, settled_at, code, detail, duration, sent.body
FROM deliveries LEFT JOIN sent ON sent.delivery = deliveries.number
WHERE instance_id = :instance_id AND number < :before AND state = :state
    AND state IN ('held', 'dead', 'suppressed', 'cancelled', 'folded')
    AND (:reason IS NULL OR reason = :reason)
    AND (:subscription_id IS NULL OR subscription_id = :subscription_id)
    AND (:destination_id IS NULL OR destination_id = :destination_id)
ORDER BY number DESC
LIMIT :limit;

-- name: deliveries_suppressed
-- Those that were suppressed for one reason; the list is that of the partial index.
SELECT number, id, instance_id, event_id, topic_id, subscription_id, destination_id, recipient, state, reason,
    attempts, rescues, due_at, created_at, settled_at, code, detail, duration, sent.body
FROM deliveries LEFT JOIN sent ON sent.delivery = deliveries.number
WHERE state = 'suppressed' AND reason = :reason AND +instance_id = :instance_id AND number < :before
    AND (:subscription_id IS NULL OR subscription_id = :subscription_id)
    AND (:destination_id IS NULL OR destination_id = :destination_id)
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
INSERT INTO destination_results
    (destination_id, instance_id, at, delivery_id, reason, code, detail, succeeded_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (instance_id, destination_id) DO UPDATE SET
    at = max(at, excluded.at),
    delivery_id = iif(excluded.at >= at, excluded.delivery_id, delivery_id),
    reason = iif(excluded.at >= at, excluded.reason, reason),
    code = iif(excluded.at >= at, excluded.code, code),
    detail = iif(excluded.at >= at, excluded.detail, detail),
    succeeded_at = max(
        coalesce(succeeded_at, excluded.succeeded_at), coalesce(excluded.succeeded_at, succeeded_at)
    );

-- name: last_results
SELECT destination_id, instance_id, at, delivery_id, reason, code, detail, succeeded_at
FROM destination_results
WHERE instance_id = ?;

-- name: forget_result
DELETE FROM destination_results WHERE instance_id = ? AND destination_id = ?;

-- name: note_heard
INSERT OR IGNORE INTO last_seen (instance_id, source_id, received_at, event_id) VALUES (?, ?, ?, ?);

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
SELECT number FROM deliveries WHERE id = :id AND destination_id = :destination_id;

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
SELECT state, deliveries FROM tallies;

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

-- Retention -----------------------------------------------------------------------------------------

-- name: old_keys
-- Numbers follow time, so the search ends at the first row that is young; rows from the future, written
-- while a clock was wrong, do not end it.
SELECT number
FROM dedup_keys
WHERE at < :before
    AND number < coalesce((
        SELECT number FROM dedup_keys
        WHERE at >= :before AND at <= :now
        ORDER BY number LIMIT 1
    ), 9223372036854775807)
ORDER BY number
LIMIT :limit;

-- name: delete_keys
DELETE FROM dedup_keys WHERE number IN (SELECT value FROM json_each(?));

-- name: old_deliveries
-- The search ends as in old_keys.
SELECT number
FROM deliveries
WHERE state IN ('delivered', 'dead', 'suppressed', 'cancelled', 'folded') AND settled_at < :before
    AND number < coalesce((
        SELECT number FROM deliveries
        WHERE created_at >= :before AND created_at <= :now
        ORDER BY number LIMIT 1
    ), 9223372036854775807)
ORDER BY number
LIMIT :limit;

-- name: ended_among
-- Asked again by the writer: a replay may have reopened one since.
SELECT number, state
FROM deliveries
WHERE number IN (SELECT value FROM json_each(?)) AND settled_at < ?
    AND state IN ('delivered', 'dead', 'suppressed', 'cancelled', 'folded');

-- name: delete_attempts
DELETE FROM attempts WHERE delivery IN (SELECT value FROM json_each(?));

-- name: delete_receipts
DELETE FROM receipts WHERE delivery IN (SELECT value FROM json_each(?));

-- name: delete_sent
DELETE FROM sent WHERE delivery IN (SELECT value FROM json_each(?));

-- name: delete_repeats
DELETE FROM repeats WHERE delivery IN (SELECT value FROM json_each(?));

-- name: delete_deliveries
DELETE FROM deliveries WHERE number IN (SELECT value FROM json_each(?));

-- name: old_events
-- An event stays as long as a delivery of it may still be sent, or is a dead letter that may be replayed;
-- quarantined ones stay as long as dead letters do. The search ends as in old_keys.
SELECT number
FROM events
WHERE received_at < CASE WHEN problems IS NULL THEN :before ELSE min(:before, :quarantined_before) END
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
LIMIT :limit;

-- name: delete_events
DELETE FROM events
WHERE number IN (SELECT value FROM json_each(?))
    AND NOT EXISTS (
        SELECT 1 FROM deliveries
        WHERE deliveries.number BETWEEN events.number << 20 AND (events.number << 20) + 1048575
            AND state IN ('pending', 'leased', 'held', 'dead')
    );

-- name: delete_quiet_windows
DELETE FROM windows
WHERE key IN (SELECT key FROM windows WHERE suppressed = 0 AND until <= :now LIMIT :limit);

-- name: delete_busy_windows
-- One that suppressed something stays until the next one tells how many, or as long as deliveries do.
DELETE FROM windows
WHERE key IN (SELECT key FROM windows WHERE suppressed > 0 AND until < :before LIMIT :limit);

-- name: delete_rates
DELETE FROM rates WHERE until < ?;

-- Counts --------------------------------------------------------------------------------------------

-- name: add_counts
INSERT INTO counts (subject, day, what, number) VALUES (?, ?, ?, ?)
ON CONFLICT (subject, day, what) DO UPDATE SET number = number + excluded.number;

-- name: counts_of
SELECT subject, day, what, number FROM counts WHERE subject = :subject AND day >= :since ORDER BY day;

-- name: forget_counts
DELETE FROM counts WHERE day < :before;

-- Monitors ------------------------------------------------------------------------------------------

-- name: add_observations
INSERT INTO observations (monitor_id, key, failed, value, event_id, at) VALUES (?, ?, ?, ?, ?, ?);

-- name: observations
SELECT number, monitor_id, key, failed, value, event_id, at FROM observations ORDER BY number LIMIT :limit;

-- name: take_observations
DELETE FROM observations WHERE number IN (VALUES (?));

-- name: observation_of
SELECT 1 FROM observations WHERE monitor_id = :monitor_id AND key = :key LIMIT 1;

-- name: standing
SELECT revision, body FROM standings WHERE monitor_id = :monitor_id AND key = :key;

-- name: standings_of
SELECT revision, body FROM standings
WHERE monitor_id = :monitor_id AND (:after IS NULL OR key > :after)
ORDER BY key
LIMIT :limit;

-- name: standings_tally
SELECT state, count(*) FROM standings WHERE monitor_id = :monitor_id GROUP BY state;

-- name: standings_awake
SELECT revision, body FROM standings WHERE wake_at <= :now ORDER BY wake_at LIMIT :limit;

-- name: put_standing
-- Changes nothing where somebody else wrote it since.
INSERT INTO standings (monitor_id, key, revision, state, wake_at, body)
SELECT :monitor_id, :key, :revision + 1, :state, :wake_at, :body
WHERE :revision = (
    SELECT coalesce(max(revision), 0) FROM standings WHERE monitor_id = :monitor_id AND key = :key
)
ON CONFLICT (monitor_id, key) DO UPDATE
    SET revision = excluded.revision, state = excluded.state, wake_at = excluded.wake_at, body = excluded.body;

-- name: add_notices
INSERT OR IGNORE INTO notices (id, instance_id, body) VALUES (?, ?, ?);

-- name: notices
SELECT id, instance_id, body FROM notices ORDER BY number LIMIT :limit;

-- name: forget_notices
DELETE FROM notices WHERE id IN (VALUES (?));

-- name: forget_standings
DELETE FROM standings WHERE monitor_id = ?;

-- name: forget_observations
DELETE FROM observations WHERE monitor_id = ?;

-- name: alive_at
SELECT at FROM alive;

-- name: note_alive
INSERT INTO alive (only, at) VALUES (1, ?) ON CONFLICT (only) DO UPDATE SET at = excluded.at;

-- name: add_outage
INSERT INTO outages (started_at, ended_at) VALUES (?, ?);

-- name: newest_outage
SELECT coalesce(max(number), 0) FROM outages;

-- name: outages
SELECT started_at, ended_at FROM outages WHERE ended_at > ? ORDER BY started_at;

-- name: forget_outages
DELETE FROM outages WHERE ended_at < ?;

-- Incidents -----------------------------------------------------------------------------------------

-- name: newest_incident
SELECT body FROM incidents WHERE instance_id = ? AND key = ? ORDER BY number DESC LIMIT 1;

-- name: put_incidents
INSERT INTO incidents (id, instance_id, key, revision, state, last_at, wake_at, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE
    SET revision = excluded.revision, state = excluded.state, last_at = excluded.last_at,
        wake_at = excluded.wake_at, body = excluded.body;

-- name: add_chapters
INSERT INTO incident_events (event, incident_id, body) VALUES (?, ?, ?);

-- name: incident
SELECT body FROM incidents WHERE id = :id AND instance_id = :instance_id;

-- name: incidents
-- Two states or one come with the last of them once more.
SELECT number, body FROM incidents
WHERE instance_id = :instance_id AND number < :before AND state IN (:first, :second, :third)
ORDER BY number DESC
LIMIT :limit;

-- name: events_of_incident
SELECT events.id, events.received_at, incident_events.body
FROM incident_events JOIN events ON events.number = incident_events.event
WHERE incident_events.incident_id = ?
ORDER BY incident_events.event DESC
LIMIT ?;

-- name: chapter
SELECT body FROM incident_events WHERE event = (SELECT number FROM events WHERE id = ?);

-- name: incidents_awake
SELECT body FROM incidents WHERE wake_at <= ? ORDER BY wake_at LIMIT ?;

-- name: save_incident
UPDATE incidents
SET revision = :revision, state = :state, last_at = :last_at, wake_at = :wake_at, body = :body
WHERE id = :id AND revision = :before;

-- name: rouse_incidents
UPDATE incidents SET wake_at = ? WHERE instance_id = ? AND state = 'open' AND json_extract(body, '$.calm_since') IS NULL;

-- name: thread
SELECT incident_id, subscription_id, recipient, delivery_id, answer, at
FROM incident_threads
WHERE incident_id = ? AND subscription_id = ? AND recipient = ?;

-- name: threads
SELECT incident_id, subscription_id, recipient, delivery_id, answer, at
FROM incident_threads
WHERE incident_id = ?
ORDER BY subscription_id, recipient;

-- name: keep_threads
INSERT OR IGNORE INTO incident_threads (incident_id, subscription_id, recipient, delivery_id, answer, at)
VALUES (?, ?, ?, ?, ?, ?);

-- name: event_of_delivery
SELECT event_id FROM deliveries WHERE id = ?;

-- name: place_of_event
SELECT number, instance_id FROM events WHERE id = ?;

-- name: planned_of_event
SELECT number, id, subscription_id, recipient
FROM deliveries
WHERE number BETWEEN ? << 20 AND (? << 20) + 1048575;

-- name: old_incidents
SELECT number, id FROM incidents WHERE state = 'resolved' AND last_at < :before ORDER BY last_at LIMIT :limit;

-- name: delete_incidents
DELETE FROM incidents WHERE number IN (SELECT value FROM json_each(?));

-- name: delete_threads
DELETE FROM incident_threads WHERE incident_id IN (SELECT value FROM json_each(?));

-- name: delete_chapters
DELETE FROM incident_events
WHERE event IN (SELECT value FROM json_each(?)) AND NOT EXISTS (SELECT 1 FROM events WHERE number = event);

-- name: keep_poll
-- A new one is due at once; no other later than its period has it, whatever clocks did.
INSERT INTO polls (source_id, revision, due_at, body) VALUES (:source_id, 0, :now, :body)
ON CONFLICT (source_id) DO UPDATE SET due_at = :latest WHERE polls.due_at > :latest;

-- name: poll_is_due
SELECT 1 FROM polls
WHERE due_at <= :now AND source_id IN (SELECT value FROM json_each(:source_ids))
LIMIT 1;

-- name: claim_polls
UPDATE polls SET due_at = :until, revision = revision + 1
WHERE source_id IN (
    SELECT source_id FROM polls
    WHERE due_at <= :now AND source_id IN (SELECT value FROM json_each(:source_ids))
    ORDER BY due_at
    LIMIT :limit
)
RETURNING revision, body;

-- name: put_poll
-- Changes nothing where somebody else claimed or wrote it since.
UPDATE polls SET revision = revision + 1, due_at = :due_at, body = :body
WHERE source_id = :source_id AND revision = :revision;

-- name: poll
SELECT revision, body FROM polls WHERE source_id = ?;

-- name: forget_polls
DELETE FROM polls WHERE source_id IN (VALUES (?));
