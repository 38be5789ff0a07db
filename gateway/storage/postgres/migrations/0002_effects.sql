-- Effects of changes on more deliveries than one transaction takes: what is left of each. One goes through the
-- deliveries of its destination in `state`, from `place` in the order of their index on, and reaches those up to
-- `up_to`; `turn` is how many batches it has had.
CREATE TABLE effects (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    destination_id text NOT NULL,
    subscription_id text,
    recipients text NOT NULL,
    reason text NOT NULL,
    up_to bigint NOT NULL,
    state text NOT NULL,
    place text NOT NULL,
    turn integer NOT NULL DEFAULT 0
);
CREATE INDEX effects_of_destination ON effects (destination_id);

-- What is held is gone through by number.
DROP INDEX deliveries_held;
CREATE INDEX deliveries_held ON deliveries (destination_id, number) WHERE state = 'held';
