-- Times are text, UTC, `2026-01-31T12:00:00.000000+00:00`: fixed width, so they sort. Bodies are JSON.

CREATE TABLE journal (
    seq BIGINT NOT NULL PRIMARY KEY,
    at TEXT NOT NULL,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    data TEXT NOT NULL,
    cause BIGINT NOT NULL
);
CREATE INDEX journal_subject ON journal (subject, seq);

CREATE TABLE machines (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    deadline TEXT,
    body TEXT NOT NULL
);

CREATE TABLE machine_macs (
    mac TEXT NOT NULL PRIMARY KEY,
    machine TEXT NOT NULL REFERENCES machines (id) ON DELETE CASCADE
);
CREATE INDEX machine_macs_machine ON machine_macs (machine);

CREATE TABLE script_runs (
    id TEXT NOT NULL PRIMARY KEY,
    machine TEXT NOT NULL,
    state TEXT NOT NULL,
    number BIGINT NOT NULL UNIQUE,  -- in the order in which they were made
    body TEXT NOT NULL
);
CREATE INDEX script_runs_machine ON script_runs (machine, number);

CREATE TABLE run_output (
    run TEXT NOT NULL REFERENCES script_runs (id) ON DELETE CASCADE,
    at_byte BIGINT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (run, at_byte)
);

CREATE TABLE api_keys (
    name TEXT NOT NULL PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL,
    last_used TEXT
);

CREATE TABLE ssh_keys (
    name TEXT NOT NULL PRIMARY KEY,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL
);

CREATE TABLE reservations (
    subnet TEXT NOT NULL,
    mac TEXT NOT NULL,
    address TEXT NOT NULL,
    hostname TEXT NOT NULL,
    PRIMARY KEY (subnet, mac),
    UNIQUE (subnet, address)
);

CREATE TABLE secrets (
    owner TEXT NOT NULL PRIMARY KEY,
    sealed BLOB NOT NULL
);
