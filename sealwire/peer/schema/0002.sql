-- What is set about people; read markers of conversations. Whoever was known before was answered before.
CREATE TABLE person (
    name TEXT PRIMARY KEY,
    accepted INTEGER NOT NULL,
    blocked INTEGER NOT NULL,
    nickname TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO person SELECT name, 1, 0, '' FROM contact;

CREATE TABLE conversation (
    id TEXT PRIMARY KEY,
    read_row INTEGER NOT NULL DEFAULT 0,            -- everything of others up to here has been read
    muted_until_ms INTEGER NOT NULL DEFAULT 0,
    keep_days INTEGER,                              -- NULL: the profile's own rule
    keep_messages INTEGER
) WITHOUT ROWID;

CREATE INDEX message_time ON message (conversation, sent_at_ms);

-- What a history shows: a message with what is known now about who sent it.
DROP VIEW shown;
CREATE VIEW shown AS SELECT row, id, conversation, sender, mine, text, sent_at_ms, state,
    mine OR coalesce((SELECT trust = 'verified' FROM contact WHERE name = sender), 0) AS verified,
    NOT mine AND conversation = sender
        AND NOT coalesce((SELECT accepted FROM person WHERE name = sender), 0) AS request
    FROM message;

CREATE VIEW unread AS SELECT row, id, conversation, sender FROM message WHERE mine = 0
    AND row > coalesce((SELECT read_row FROM conversation AS c WHERE c.id = message.conversation), 0);
