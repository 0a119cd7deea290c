-- The broker's tables. Whoever opens them finds no sender: mail names the mailbox it waits in and nothing else.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Append-only, no secondary index: the broker keeps each mailbox's row numbers in memory. The envelope comes last, so
-- that its length is read without it.
CREATE TABLE mail (
    row      INTEGER PRIMARY KEY,
    mailbox  BLOB NOT NULL,
    mid      BLOB NOT NULL,
    at_ms    INTEGER NOT NULL,
    envelope BLOB NOT NULL
) STRICT;

-- One target of a FANOUT; its row number is of the same sequence as mail's.
CREATE TABLE fan (
    row     INTEGER PRIMARY KEY,
    mailbox BLOB NOT NULL,
    mid     BLOB NOT NULL,
    at_ms   INTEGER NOT NULL,
    body    INTEGER NOT NULL
) STRICT;

-- An envelope of a FANOUT, stored once, and how many targets still need it.
CREATE TABLE body (
    id        INTEGER PRIMARY KEY,
    targets   INTEGER NOT NULL,
    envelope  BLOB NOT NULL
) STRICT;

CREATE TABLE account (
    name      TEXT PRIMARY KEY,
    n_sign    BLOB NOT NULL,
    version   INTEGER NOT NULL,
    devices   BLOB NOT NULL,
    signature BLOB NOT NULL,
    mailboxes BLOB NOT NULL
) STRICT;

CREATE TABLE device (
    mailbox        BLOB PRIMARY KEY,
    account        TEXT NOT NULL REFERENCES account (name),
    device         BLOB NOT NULL,
    curve          BLOB NOT NULL,
    card           BLOB NOT NULL,
    card_signature BLOB NOT NULL,
    spk_id         INTEGER NOT NULL DEFAULT 0,
    opk_high       INTEGER NOT NULL DEFAULT 0, -- largest one-time id ever uploaded: none below is taken again
    prekeys        BLOB,
    signature      BLOB,
    UNIQUE (account, device)
) STRICT;

CREATE TABLE one_time (
    mailbox BLOB NOT NULL,
    id      INTEGER NOT NULL,
    key     BLOB NOT NULL,
    PRIMARY KEY (mailbox, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE invite (
    token_hash BLOB PRIMARY KEY,
    uses_left  INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
