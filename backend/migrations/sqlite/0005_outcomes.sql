-- What became of what an entry says: NULL when it was done. `pending` is written before a decision takes effect, and
-- `unknown` stays where the work on the deployment was lost.
ALTER TABLE audit ADD COLUMN outcome TEXT;

CREATE INDEX audit_pending ON audit (deployment) WHERE outcome = 'pending';
