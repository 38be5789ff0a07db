-- What channels said of deliveries after they had taken them; the same said twice is one row.
CREATE TABLE receipts (
    delivery INTEGER NOT NULL,
    vendor_id TEXT NOT NULL,
    status TEXT NOT NULL,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    received_at REAL NOT NULL,
    PRIMARY KEY (delivery, vendor_id, status, code)
) WITHOUT ROWID;
