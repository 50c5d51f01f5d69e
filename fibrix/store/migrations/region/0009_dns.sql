-- Zones, records and keys as people declared them, the addresses that machines leased, and what is served.

CREATE TABLE dns_zones (id TEXT NOT NULL PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE dns_keys (id TEXT NOT NULL PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE dns_addresses (id TEXT NOT NULL PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL);

CREATE TABLE dns_records (
    id TEXT NOT NULL PRIMARY KEY,
    zone TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    ttl BIGINT,
    value TEXT NOT NULL,
    UNIQUE (zone, name, type, value)
);

-- A zone that is gone keeps its row, with an empty head: should it come again, its serial goes on from there.
CREATE TABLE dns_serials (zone TEXT NOT NULL PRIMARY KEY, serial BIGINT NOT NULL, head TEXT NOT NULL);
-- Every record that is served, at the zone's serial.
CREATE TABLE dns_served (
    zone TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    value TEXT NOT NULL,
    ttl BIGINT NOT NULL,
    PRIMARY KEY (zone, name, type, value)
);
-- What made each serial out of the one before; `seq` is their order, as serials wrap around.
CREATE TABLE dns_changes (seq INTEGER NOT NULL PRIMARY KEY, zone TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX dns_changes_zone ON dns_changes (zone, seq);
