-- Things that are kept whole, as JSON; `key` is what must be unique among those of a kind.

CREATE TABLE tenants (id TEXT NOT NULL PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE users (id TEXT NOT NULL PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE user_keys (id TEXT NOT NULL PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE sessions (id TEXT NOT NULL PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE operations (id TEXT NOT NULL PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL);

-- Whose thing an event is about, and which API request it comes from.
ALTER TABLE journal ADD COLUMN tenant TEXT NOT NULL DEFAULT '';
ALTER TABLE journal ADD COLUMN request TEXT NOT NULL DEFAULT '';

-- Requests that are changing something just now: a row is written with the change, and becomes a record of the audit.
CREATE TABLE attempts (request TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL);
