-- What is declared of networks by the API; what the configuration file declares is not here.

CREATE TABLE zones (id TEXT NOT NULL PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE fabrics (id TEXT NOT NULL PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE vlans (id TEXT NOT NULL PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE subnets (id TEXT NOT NULL PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL);

-- A reservation is a client's: a MAC's, or that of a client identifier (`id:` and hex digits). `options` is JSON.
CREATE TABLE client_reservations (
    subnet TEXT NOT NULL,
    client TEXT NOT NULL,
    address TEXT NOT NULL,
    hostname TEXT NOT NULL,
    options TEXT NOT NULL,
    PRIMARY KEY (subnet, client),
    UNIQUE (subnet, address)
);
INSERT INTO client_reservations SELECT subnet, mac, address, hostname, '[]' FROM reservations;
DROP TABLE reservations;
ALTER TABLE client_reservations RENAME TO reservations;
