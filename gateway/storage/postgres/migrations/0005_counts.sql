-- What topics, rules, subscriptions and sources did, by day: added to in lots, so that events pay nothing for it.
CREATE TABLE counts (
    subject text NOT NULL,
    day integer NOT NULL,
    what text NOT NULL,
    number bigint NOT NULL,
    PRIMARY KEY (subject, day, what)
);
CREATE INDEX counts_of_day ON counts (day);
