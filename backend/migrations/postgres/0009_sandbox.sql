-- What the tools of a deployment were confined by, such as `landlock-7`.
ALTER TABLE deployments ADD COLUMN sandbox TEXT;
