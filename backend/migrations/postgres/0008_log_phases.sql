-- From which line of a log to which one a phase goes, so that its end is found without reading the rest.
CREATE TABLE log_phases (
    deployment TEXT NOT NULL REFERENCES deployments (id) ON DELETE CASCADE,
    phase      TEXT NOT NULL,
    first_line BIGINT NOT NULL,
    last_line  BIGINT NOT NULL,
    PRIMARY KEY (deployment, phase)
);

INSERT INTO log_phases (deployment, phase, first_line, last_line)
    SELECT deployment, phase, MIN(line), MAX(line) FROM log_lines GROUP BY deployment, phase;
