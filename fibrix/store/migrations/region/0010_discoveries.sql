-- Hosts that were heard on the wire, and what people say of them. `last` is when one was heard, `bmc` 1 where it is a BMC.

CREATE TABLE discoveries (
    mac TEXT NOT NULL PRIMARY KEY,
    last TEXT NOT NULL,
    bmc BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX discoveries_last ON discoveries (last);
CREATE INDEX discoveries_bmc ON discoveries (mac) WHERE bmc = 1;

CREATE TABLE discovery_marks (id TEXT NOT NULL PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE hidden_networks (id TEXT NOT NULL PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
