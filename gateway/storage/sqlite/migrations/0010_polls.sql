-- What is remembered of the sources that the gateway asks itself. due_at is when to ask next; a node that asks
-- claims the row by moving it.
CREATE TABLE polls (
    source_id TEXT NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL,
    due_at REAL NOT NULL,
    body TEXT NOT NULL
) WITHOUT ROWID;
