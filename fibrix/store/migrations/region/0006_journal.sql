-- The journal's number is its place in the table; its head outlives the entries that have it.

CREATE TABLE journal_by_seq (
    seq INTEGER NOT NULL PRIMARY KEY,
    at TEXT NOT NULL,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    data TEXT NOT NULL,
    cause BIGINT NOT NULL,
    tenant TEXT NOT NULL DEFAULT '',
    request TEXT NOT NULL DEFAULT ''
);
INSERT INTO journal_by_seq (seq, at, type, subject, data, cause, tenant, request)
    SELECT seq, at, type, subject, data, cause, tenant, request FROM journal ORDER BY seq;
DROP TABLE journal;
ALTER TABLE journal_by_seq RENAME TO journal;

CREATE INDEX journal_subject ON journal (subject, seq);
-- Most events are the region's: they are not in it.
CREATE INDEX journal_tenant ON journal (tenant, seq) WHERE tenant <> '';

-- The highest number that was ever taken away: no number is given twice, even where nothing is left.
CREATE TABLE journal_gone (seq BIGINT NOT NULL);
INSERT INTO journal_gone VALUES (0);
CREATE TRIGGER journal_gone_is_kept BEFORE DELETE ON journal WHEN old.seq > (SELECT seq FROM journal_gone)
BEGIN
    UPDATE journal_gone SET seq = old.seq;
END;
