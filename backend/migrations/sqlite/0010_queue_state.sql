-- Whether a deployment waits in the queue, is run by a node, or has ended.
ALTER TABLE deployments RENAME COLUMN standing TO queue_state;
