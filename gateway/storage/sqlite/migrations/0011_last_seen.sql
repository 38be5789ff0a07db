-- The last events of each source, for showing how it is doing: no index of all events is as narrow. What came
-- before this table is in it once for each source, the last.
CREATE TABLE last_seen (
    instance_id TEXT NOT NULL,
    source_id TEXT NOT NULL,
    received_at REAL NOT NULL,
    event_id TEXT NOT NULL,
    PRIMARY KEY (instance_id, source_id, received_at, event_id)
) WITHOUT ROWID;

INSERT INTO last_seen (instance_id, source_id, received_at, event_id)
SELECT instance_id, source_id, received_at, id
FROM events
WHERE number IN (SELECT max(number) FROM events GROUP BY instance_id, source_id);
