-- Attempts have ids of their own: a client may give several requests the same id. `changed`: it has changed the store.
DROP TABLE attempts;
CREATE TABLE attempts (id TEXT NOT NULL PRIMARY KEY, changed INTEGER NOT NULL, body TEXT NOT NULL);

-- The audit. What is in it stays as it is: there is no way to change, remove or slip in a record but past the triggers.
CREATE TABLE audit (
    seq INTEGER NOT NULL PRIMARY KEY,
    at TEXT NOT NULL,
    user TEXT NOT NULL,
    user_name TEXT NOT NULL,
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    address TEXT NOT NULL,
    request TEXT NOT NULL,
    action TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    subject TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    status INTEGER NOT NULL,
    result TEXT NOT NULL,
    reason TEXT NOT NULL,
    prev TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_user ON audit (user, seq);
CREATE INDEX audit_user_name ON audit (user_name, seq);
CREATE INDEX audit_subject ON audit (subject, seq);
CREATE INDEX audit_request ON audit (request);

CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'a record of the audit cannot be changed');
END;
CREATE TRIGGER audit_kept BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'a record of the audit cannot be removed');
END;
-- Also what keeps INSERT OR REPLACE from being an UPDATE.
CREATE TRIGGER audit_at_the_end BEFORE INSERT ON audit
WHEN NEW.seq <> (SELECT coalesce(max(seq) + 1, NEW.seq) FROM audit)
    OR NEW.prev <> coalesce((SELECT hash FROM audit WHERE seq = NEW.seq - 1), NEW.prev)
BEGIN
    SELECT RAISE(ABORT, 'a record of the audit can only follow the newest one');
END;

-- What requests with an idempotency key were answered. `why`: why the answer is not there. `sealed` opens with the
-- controller's key only: an answer may hold a secret that is shown once.
CREATE TABLE answers (
    user TEXT NOT NULL,
    key TEXT NOT NULL,
    at TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    subject TEXT NOT NULL,
    why TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (user, key)
);
CREATE INDEX answers_at ON answers (at);
