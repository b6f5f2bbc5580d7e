-- A known text, sealed with the key of the services of this database: a service with another key can't open it.
CREATE TABLE sealing_check (
    only_row BIGINT NOT NULL PRIMARY KEY CHECK (only_row = 1),
    sealed   BYTEA NOT NULL
);
