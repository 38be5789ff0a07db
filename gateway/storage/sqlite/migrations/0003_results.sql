-- How the last try at each destination ended, for showing whether it works.
CREATE TABLE destination_results (
    instance_id TEXT NOT NULL,
    destination_id TEXT NOT NULL,
    at REAL NOT NULL,
    delivery_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    succeeded_at REAL,
    PRIMARY KEY (instance_id, destination_id)
) WITHOUT ROWID;
