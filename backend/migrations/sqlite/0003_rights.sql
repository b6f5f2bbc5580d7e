-- A key may have several roles: words with commas between them. `role` stays for a service of the version before that
-- still runs on this database; it has the weakest role.
ALTER TABLE api_keys ADD COLUMN roles TEXT;
UPDATE api_keys SET roles = role;

-- 1 when the approval was the starter's own.
ALTER TABLE audit ADD COLUMN by_starter INTEGER NOT NULL DEFAULT 0;

-- Which data directory a node name belongs to.
CREATE TABLE nodes (
    name        TEXT NOT NULL PRIMARY KEY,
    -- Kept in the data directory.
    identity    TEXT NOT NULL,
    -- Another one at each start.
    process     TEXT NOT NULL,
    -- Until when the process has given signs of life, by the clock of the database.
    lease_until INTEGER NOT NULL
);
