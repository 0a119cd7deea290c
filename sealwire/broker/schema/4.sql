-- Blobs: what carries files. The bytes lie in the folder blobs; who sent what to whom stands nowhere.
CREATE TABLE blob (
    id      BLOB PRIMARY KEY,
    account TEXT NOT NULL,           -- whose quota it counts in
    size    INTEGER NOT NULL,        -- rounded by the sender
    reader  BLOB NOT NULL,           -- hash of the secret that lets others read it
    at_ms   INTEGER NOT NULL,        -- mail clock
    done    INTEGER NOT NULL         -- 1: all of it was synced
) STRICT, WITHOUT ROWID;
