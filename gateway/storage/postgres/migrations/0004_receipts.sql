-- What channels said of deliveries after they had taken them; the same said twice is one row.
CREATE TABLE receipts (
    delivery bigint NOT NULL,
    vendor_id text NOT NULL,
    status text NOT NULL,
    code text NOT NULL,
    detail text NOT NULL,
    received_at double precision NOT NULL,
    PRIMARY KEY (delivery, vendor_id, status, code)
);
