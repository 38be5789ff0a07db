-- What topics, rules, subscriptions and sources did, by day: added to in lots, so that events pay nothing for it.
CREATE TABLE counts (
    subject TEXT NOT NULL,
    day INTEGER NOT NULL,
    what TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (subject, day, what)
) WITHOUT ROWID;
CREATE INDEX counts_of_day ON counts (day);
