-- Deployments of files that a request brings along no longer wait for each other; those that wait already neither.
UPDATE deployments SET workspace_key = id WHERE standing = 'waiting' AND (repository = 'files:' OR operation = 'validate');
