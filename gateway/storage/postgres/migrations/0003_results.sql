-- How the last try at each destination ended, for showing whether it works.
CREATE TABLE destination_results (
    instance_id text NOT NULL,
    destination_id text NOT NULL,
    at double precision NOT NULL,
    delivery_id text NOT NULL,
    reason text NOT NULL,
    code text NOT NULL,
    detail text NOT NULL,
    succeeded_at double precision,
    PRIMARY KEY (instance_id, destination_id)
);
