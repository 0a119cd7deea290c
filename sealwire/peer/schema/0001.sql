-- A peer's own memory. The whole file is encrypted; ratchet and prekey secrets are sealed once more per record.
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE contact (
    name TEXT PRIMARY KEY,
    account_key BLOB NOT NULL,          -- pinned n_sign, 384 bytes
    trust TEXT NOT NULL CHECK (trust IN ('unverified', 'verified', 'changed')),
    first_seen_ms INTEGER NOT NULL,
    changed_ms INTEGER,                 -- when a changed key was first seen
    new_account_key BLOB,               -- the key that waits for a decision
    devices BLOB,                       -- signed device list under the pinned key, NULL until looked up
    checked_ms INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE device (                   -- one row per device pair
    mailbox BLOB PRIMARY KEY,
    account TEXT NOT NULL,
    card BLOB NOT NULL,                 -- signed card
    state BLOB NOT NULL                 -- counters, hashes, gaps (peer/pairs.py)
) WITHOUT ROWID;

CREATE TABLE session (
    tag BLOB PRIMARY KEY,               -- marks what comes in
    mailbox BLOB NOT NULL,
    sealed BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX session_of ON session (mailbox);

CREATE TABLE handshake (                -- a handshake is taken once, ever
    hash BLOB PRIMARY KEY,
    tag BLOB NOT NULL,
    spk_id INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE prekey (kind TEXT NOT NULL, id INTEGER NOT NULL, sealed BLOB NOT NULL, made_ms INTEGER NOT NULL,
    PRIMARY KEY (kind, id)) WITHOUT ROWID;

CREATE TABLE seen (mid BLOB PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE outbox (
    row INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    mailbox BLOB,                       -- NULL until the account's devices are known
    message BLOB NOT NULL,
    content BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    counter INTEGER,                    -- set with the envelope
    envelope BLOB
);
CREATE INDEX outbox_message ON outbox (message);

CREATE TABLE message (
    row INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice: read markers and the index of words count on it
    id BLOB NOT NULL,
    conversation TEXT NOT NULL,
    sender TEXT NOT NULL,
    mine INTEGER NOT NULL,
    text TEXT NOT NULL,
    sent_at_ms INTEGER NOT NULL,
    state INTEGER NOT NULL,             -- rank: 0 queued, 1 sent, 2 delivered, 3 read, 4 failed; 2 for others' messages
    reason TEXT
);
CREATE UNIQUE INDEX message_id ON message (id, conversation, mine);
CREATE INDEX message_conversation ON message (conversation, row);

-- What a history shows: a message with what is known now about who sent it.
CREATE VIEW shown AS SELECT row, id, conversation, sender, mine, text, sent_at_ms, state,
    mine OR coalesce((SELECT trust = 'verified' FROM contact WHERE name = sender), 0) AS verified FROM message;

CREATE TABLE quarantine (
    row INTEGER PRIMARY KEY,
    mid BLOB NOT NULL UNIQUE,
    envelope BLOB NOT NULL,
    reason TEXT NOT NULL,
    account TEXT,                       -- whose device list or approval it waits for, if that is known
    at_ms INTEGER NOT NULL
);
