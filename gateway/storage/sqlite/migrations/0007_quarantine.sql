-- What schemas in mode flag found wrong with an event that was accepted, and why people discarded a quarantined one.
ALTER TABLE events ADD COLUMN flags TEXT;
ALTER TABLE events ADD COLUMN discarded TEXT;
