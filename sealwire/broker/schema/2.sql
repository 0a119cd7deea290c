-- What expired while its device was away and has not been told yet.
ALTER TABLE device ADD COLUMN expired INTEGER NOT NULL DEFAULT 0;

-- 0: may log in; 1: disabled; 2: deleted, the name stays reserved.
ALTER TABLE account ADD COLUMN state INTEGER NOT NULL DEFAULT 0;

-- Whom the operator keeps out: an account by name, a device by mailbox in hex, a network by address or prefix.
CREATE TABLE ban (
    kind     TEXT NOT NULL,
    target   TEXT NOT NULL,
    until_ms INTEGER NOT NULL, -- 0: until it is lifted
    reason   TEXT NOT NULL,
    PRIMARY KEY (kind, target)
) STRICT, WITHOUT ROWID;
