-- Webhooks, how far each has come, and the events that could not be delivered yet, or at all.

CREATE TABLE webhooks (id TEXT NOT NULL PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE webhook_cursors (id TEXT NOT NULL PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE webhook_letters (id TEXT NOT NULL PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
