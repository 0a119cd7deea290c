-- Groups: the pinned head of each log, the log itself, sender keys of this device and of others, and who has what.
CREATE TABLE grp (
    id BLOB PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('knocking', 'invited', 'member', 'left', 'removed', 'stopped')),
    inviter TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    head BLOB NOT NULL,
    keeper BLOB NOT NULL,
    writer BLOB NOT NULL,
    applied INTEGER NOT NULL,           -- the membership is that after this entry
    membership BLOB,                    -- NULL before the first one was read
    secrets BLOB NOT NULL,              -- log keys, sealed
    shared INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE grp_entry (
    grp BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    entry BLOB NOT NULL,
    PRIMARY KEY (grp, sequence)
) WITHOUT ROWID;

CREATE TABLE grp_own_key (
    grp BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    begun_ms INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    given BLOB NOT NULL,                -- mailboxes that have it
    sealed BLOB NOT NULL,
    PRIMARY KEY (grp, epoch)
) WITHOUT ROWID;

CREATE TABLE grp_heard_key (
    tag BLOB PRIMARY KEY,
    grp BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    mailbox BLOB NOT NULL,
    account TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    status INTEGER NOT NULL,            -- 0 in the group, 1 left, 2 removed
    sealed BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX grp_heard_key_of ON grp_heard_key (grp, mailbox, epoch);

CREATE TABLE grp_delivery (             -- our messages that not everybody has read
    message BLOB PRIMARY KEY,
    grp BLOB NOT NULL,
    ranks BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX grp_delivery_of ON grp_delivery (grp);
