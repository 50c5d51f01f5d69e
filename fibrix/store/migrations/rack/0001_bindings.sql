-- Who has, or last had, which address. Times are RFC 3339 in UTC with microseconds: as text they sort as they stand.
CREATE TABLE bindings (
    address TEXT PRIMARY KEY,
    subnet TEXT NOT NULL,
    mac TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('bound', 'released', 'declined')),
    hostname TEXT NOT NULL,
    since TEXT NOT NULL,
    expires_at TEXT NOT NULL
);

-- A machine has one address in a subnet; what it declined is no longer its own.
CREATE UNIQUE INDEX bindings_client ON bindings (subnet, mac) WHERE state <> 'declined';
