-- Times are microseconds since 1970, UTC. JSON is text.

CREATE TABLE deployments (
    seq            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id             TEXT    NOT NULL UNIQUE,
    -- What no two deployments may work on at a time.
    workspace_key  TEXT    NOT NULL,
    repository     TEXT    NOT NULL,
    path           TEXT    NOT NULL,
    workspace      TEXT,
    tool           TEXT    NOT NULL,
    operation      TEXT    NOT NULL,
    record         TEXT    NOT NULL,
    sealed_secrets BYTEA,
    standing       TEXT    NOT NULL CHECK (standing IN ('waiting', 'active', 'ended')),
    status         TEXT    NOT NULL,
    phase          TEXT    NOT NULL,
    reason         TEXT,
    error          TEXT    NOT NULL DEFAULT '',
    commit_id      TEXT,
    plan_digest    TEXT,
    plan           TEXT,
    outputs        TEXT,
    session_dir    TEXT,
    started_by     TEXT    NOT NULL,
    created_at     BIGINT NOT NULL,
    started_at     BIGINT,
    ended_at       BIGINT,
    -- Who carries it: only who knows the epoch may write.
    node           TEXT,
    epoch          BIGINT NOT NULL DEFAULT 0,
    lease_until    BIGINT,
    CHECK (standing <> 'ended' OR sealed_secrets IS NULL)
);

CREATE UNIQUE INDEX one_active_per_workspace ON deployments (workspace_key) WHERE standing = 'active';
CREATE INDEX queue ON deployments (workspace_key, seq) WHERE standing = 'waiting';
CREATE INDEX waiting ON deployments (seq) WHERE standing = 'waiting';
CREATE INDEX active ON deployments (node) WHERE standing = 'active';
CREATE INDEX ended ON deployments (ended_at) WHERE standing = 'ended';
CREATE INDEX by_status ON deployments (status, seq);
CREATE INDEX by_repository ON deployments (repository, seq);

CREATE TABLE log_lines (
    deployment TEXT    NOT NULL REFERENCES deployments (id) ON DELETE CASCADE,
    line       BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    phase      TEXT    NOT NULL,
    text       TEXT    NOT NULL,
    PRIMARY KEY (deployment, line)
);

-- Says who did what, and stays when the deployment is forgotten.
CREATE TABLE audit (
    seq        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         BIGINT NOT NULL,
    actor      TEXT    NOT NULL,
    action     TEXT    NOT NULL,
    deployment TEXT,
    detail     TEXT    NOT NULL
);

CREATE INDEX audit_of_deployment ON audit (deployment, seq);

CREATE TABLE api_keys (
    id         TEXT    NOT NULL PRIMARY KEY,
    digest     BYTEA    NOT NULL,
    role       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);
