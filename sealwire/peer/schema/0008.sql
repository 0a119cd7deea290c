-- Files: what a message carries, and how far it has moved.
CREATE TABLE file (
    row INTEGER PRIMARY KEY,            -- of its message
    message BLOB NOT NULL,              -- id of its message
    mine INTEGER NOT NULL,
    state TEXT NOT NULL,                -- events.FileState
    name TEXT NOT NULL,                 -- clean
    size INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    digest BLOB,                        -- SHA-256; NULL until an upload is complete
    blob BLOB NOT NULL,
    secret BLOB NOT NULL,
    key BLOB NOT NULL,
    runs BLOB NOT NULL,                 -- msgpack: [[first chunk, header, tail of the chunk before], …]
    width INTEGER NOT NULL DEFAULT 0,
    height INTEGER NOT NULL DEFAULT 0,
    thumbnail BLOB,                     -- made here
    offered BLOB,                       -- as it came; never shown
    done INTEGER NOT NULL DEFAULT 0,    -- bytes, as of the last change of state
    path TEXT,                          -- where the finished file lies
    reason TEXT,                        -- why it failed
    -- ours
    source TEXT,
    mtime_ns INTEGER,
    is_copy INTEGER NOT NULL DEFAULT 0, -- the source is a copy of our own: it goes when it is sent
    is_fresh INTEGER NOT NULL DEFAULT 1,
    restarts INTEGER NOT NULL DEFAULT 0,
    is_pictured INTEGER NOT NULL DEFAULT 1, -- a thumbnail was made, or there will be none
    at_broker INTEGER NOT NULL DEFAULT 0,
    accounts TEXT NOT NULL DEFAULT '',  -- to whom it was offered
    taken BLOB NOT NULL DEFAULT x'',    -- mailboxes of devices that have it
    -- others'
    device BLOB,                        -- mailbox of the device that offered it
    target TEXT                         -- where it shall go; NULL: the profile's own folder
);
CREATE INDEX file_message ON file (message);
CREATE INDEX file_moving ON file (state) WHERE state IN ('waiting', 'sending', 'receiving');

-- What is left of files whose messages are gone: taken away one by one.
CREATE TABLE file_litter (
    row INTEGER PRIMARY KEY,
    mine INTEGER NOT NULL,
    blob BLOB NOT NULL,
    at_broker INTEGER NOT NULL,
    path TEXT,
    source TEXT,
    is_copy INTEGER NOT NULL
);
CREATE TRIGGER file_goes AFTER DELETE ON file BEGIN
    INSERT OR REPLACE INTO file_litter
        VALUES (old.row, old.mine, old.blob, old.at_broker, old.path, old.source, old.is_copy);
END;
CREATE TRIGGER file_of_a_deleted_message AFTER DELETE ON message WHEN old.kind = 1 BEGIN
    DELETE FROM file WHERE row = old.row;
END;
CREATE TRIGGER file_of_a_message_taken_back AFTER UPDATE OF deleted ON message WHEN new.deleted AND new.kind = 1 BEGIN
    DELETE FROM file WHERE row = new.row;
END;

DROP VIEW shown;
CREATE VIEW shown AS SELECT
    m.row, m.id, m.conversation, m.sender, m.mine, m.text, m.sent_at_ms, m.state,
    m.mine OR coalesce((SELECT trust = 'verified' FROM contact WHERE name = m.sender), 0) AS verified,
    NOT m.mine AND m.conversation = m.sender
        AND NOT coalesce((SELECT accepted FROM person WHERE name = m.sender), 0) AS request,
    m.kind, m.forwarded, m.mentions, m.edited_at_ms, m.deleted, m.pinned, m.expires_at_ms,
    m.reply_id, coalesce(q.sender, '') AS quote_sender, coalesce(substr(q.text, 1, 400), '') AS quote_text,
    (SELECT group_concat(r.sender || ' ' || r.emoji, char(10) ORDER BY r.sender) FROM reaction AS r
        WHERE r.message = m.row AND r.emoji <> '') AS reactions,
    f.name AS file_name, f.size AS file_size, f.media_type AS file_type, f.state AS file_state, f.done AS file_done,
    CASE WHEN f.mine THEN f.source ELSE f.path END AS file_path, f.width AS file_width, f.height AS file_height,
    f.thumbnail AS file_thumbnail
FROM message AS m
LEFT JOIN message AS q ON q.id = m.reply_id AND q.conversation = m.conversation AND q.sender = m.reply_author
LEFT JOIN file AS f ON m.kind = 1 AND f.row = m.row;
