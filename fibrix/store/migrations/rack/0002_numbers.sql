-- Addresses as numbers, times as microseconds since 1970: short rows that are written, and read at the start, quickly.
-- No second index: which address a machine left is known to who writes.
CREATE TABLE held (
    address INTEGER PRIMARY KEY,
    subnet TEXT NOT NULL,
    mac TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('bound', 'released', 'declined')),
    hostname TEXT NOT NULL,
    since_us INTEGER NOT NULL,
    until_us INTEGER NOT NULL
);

INSERT INTO held
SELECT
    json_extract(octets, '$[0]') * 16777216 + json_extract(octets, '$[1]') * 65536
        + json_extract(octets, '$[2]') * 256 + json_extract(octets, '$[3]'),
    subnet, mac, state, hostname,
    CAST(strftime('%s', since) AS INTEGER) * 1000000 + CAST(substr(since, 21, 6) AS INTEGER),
    CAST(strftime('%s', expires_at) AS INTEGER) * 1000000 + CAST(substr(expires_at, 21, 6) AS INTEGER)
FROM (SELECT *, '[' || replace(address, '.', ',') || ']' AS octets FROM bindings);

DROP TABLE bindings;

ALTER TABLE held RENAME TO bindings;
