-- What is remembered of the sources that the gateway asks itself. due_at is when to ask next; a node that asks
-- claims the row by moving it.
CREATE TABLE polls (
    source_id text PRIMARY KEY,
    revision bigint NOT NULL,
    due_at double precision NOT NULL,
    body text NOT NULL
) WITH (fillfactor = 50);
