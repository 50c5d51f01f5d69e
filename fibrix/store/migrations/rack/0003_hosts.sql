-- Hosts that were heard on the wire, by their MAC as a number. The index finds those that are silent the longest.
CREATE TABLE hosts (
    mac INTEGER PRIMARY KEY,
    last_us INTEGER NOT NULL,
    host TEXT NOT NULL
);

CREATE INDEX hosts_last ON hosts (last_us);
