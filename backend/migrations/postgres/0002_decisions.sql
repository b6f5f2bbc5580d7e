-- What somebody decided at a node that does not carry the deployment, on its way to the one that does.
CREATE TABLE decisions (
    seq        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    deployment TEXT    NOT NULL REFERENCES deployments (id) ON DELETE CASCADE,
    decision   TEXT    NOT NULL,
    -- By the clock of the database; nobody takes it later.
    good_until BIGINT NOT NULL,
    -- The node that took it: from then on it may have been carried out.
    taken_by   TEXT,
    answer     TEXT
);

CREATE INDEX decisions_to_take ON decisions (deployment) WHERE taken_by IS NULL;

CREATE INDEX audit_by_time ON audit (at);
