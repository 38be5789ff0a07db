-- Effects of changes on more deliveries than one transaction takes: what is left of each. One goes through the
-- deliveries of its destination in `state`, from `place` in the order of their index on, and reaches those up to
-- `up_to`; `turn` is how many batches it has had.
CREATE TABLE effects (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    destination_id TEXT NOT NULL,
    subscription_id TEXT,
    recipients TEXT NOT NULL,
    reason TEXT NOT NULL,
    up_to INTEGER NOT NULL,
    state TEXT NOT NULL,
    place TEXT NOT NULL,
    turn INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX effects_of_destination ON effects (destination_id);
