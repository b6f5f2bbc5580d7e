-- What a person should know about a deployment although nothing went wrong: a JSON array of sentences.
ALTER TABLE deployments ADD COLUMN warnings TEXT NOT NULL DEFAULT '[]';
