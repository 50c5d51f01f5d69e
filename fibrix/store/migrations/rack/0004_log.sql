-- Bindings as a log: each change of an address is a row of its own, and the newest row of an address counts. Appending
-- dirties a page or two, where a row per address dirties one for each. Rows of the state 'left' say that the machine
-- has another address now: nobody has this one.
CREATE TABLE binding_log (
    seq INTEGER PRIMARY KEY,
    address INTEGER NOT NULL,
    subnet TEXT NOT NULL,
    mac TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('bound', 'released', 'declined', 'left')),
    hostname TEXT NOT NULL,
    since_us INTEGER NOT NULL,
    until_us INTEGER NOT NULL
);

INSERT INTO binding_log (address, subnet, mac, state, hostname, since_us, until_us)
SELECT address, subnet, mac, state, hostname, since_us, until_us FROM bindings ORDER BY since_us, address;

DROP TABLE bindings;
