-- Messages that are answered, corrected, taken back, reacted to, pinned, and that disappear.
ALTER TABLE message ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;       -- 0 text, 1 file, 2 notice
ALTER TABLE message ADD COLUMN reply_author TEXT;                     -- the message it answers: looked up when shown
ALTER TABLE message ADD COLUMN reply_id BLOB;
ALTER TABLE message ADD COLUMN forwarded INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN mentions TEXT NOT NULL DEFAULT '';     -- names, separated by blanks
ALTER TABLE message ADD COLUMN mentions_me INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;   -- of the words that stand; with the id of
ALTER TABLE message ADD COLUMN revision_id BLOB NOT NULL DEFAULT x''; --   the edit that brought them
ALTER TABLE message ADD COLUMN edited_at_ms INTEGER;
ALTER TABLE message ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;    -- taken back: no text, no reactions, for ever
ALTER TABLE message ADD COLUMN cancelled INTEGER NOT NULL DEFAULT 0;  -- failed because its author gave it up
ALTER TABLE message ADD COLUMN partly INTEGER NOT NULL DEFAULT 0;     -- the broker has it for some of the devices
ALTER TABLE message ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN pin_number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN pin_by TEXT NOT NULL DEFAULT '';
ALTER TABLE message ADD COLUMN pinned_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN timer_s INTEGER NOT NULL DEFAULT 0;    -- how long it lives once that began; 0: it stays
ALTER TABLE message ADD COLUMN dies_at INTEGER;                       -- on the age clock (peer/timers.py), once it began
ALTER TABLE message ADD COLUMN expires_at_ms INTEGER;                 -- the same, as the wall clock said at the beginning

-- By author: nobody takes another's place in a conversation by using their message's id first.
DROP INDEX message_id;
CREATE UNIQUE INDEX message_id ON message (id, conversation, sender);
CREATE INDEX message_dies ON message (dies_at) WHERE dies_at IS NOT NULL;
CREATE INDEX message_mortal ON message (mine, row) WHERE timer_s > 0 AND dies_at IS NULL;
CREATE INDEX message_failed ON message (row) WHERE mine = 1 AND state = 4;
CREATE INDEX message_pinned ON message (conversation, pinned_ms) WHERE pinned;

CREATE TABLE reaction (
    message INTEGER NOT NULL,           -- row
    sender TEXT NOT NULL,
    emoji TEXT NOT NULL,                -- empty: taken off; the row stays so that an older one does not come back
    number INTEGER NOT NULL,
    event BLOB NOT NULL,
    PRIMARY KEY (message, sender)
) WITHOUT ROWID;

CREATE TABLE aside (                    -- changes that came before the message they are about
    conversation TEXT NOT NULL,
    author TEXT NOT NULL,               -- of the message, as is its id
    id BLOB NOT NULL,
    by TEXT NOT NULL,
    kind INTEGER NOT NULL,              -- tag of the content: the one that would stand, per person and kind
    event BLOB NOT NULL,                -- message id of the change
    content BLOB NOT NULL,
    sent_at_ms INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (conversation, author, id, by, kind)
) WITHOUT ROWID;
CREATE INDEX aside_by ON aside (conversation, by, at_ms);

CREATE TABLE gone (                     -- messages deleted here: what comes late about them comes to nothing
    id BLOB NOT NULL,
    conversation TEXT NOT NULL,
    sender TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (id, conversation, sender)
) WITHOUT ROWID;

ALTER TABLE conversation ADD COLUMN timer_s INTEGER NOT NULL DEFAULT 0;      -- of new messages; 0: they stay
ALTER TABLE conversation ADD COLUMN timer_number INTEGER NOT NULL DEFAULT 0; -- of the change that stands
ALTER TABLE conversation ADD COLUMN timer_by TEXT NOT NULL DEFAULT '';
ALTER TABLE conversation ADD COLUMN draft TEXT NOT NULL DEFAULT '';

CREATE TABLE receipt (                  -- owed to a device: told a little later
    row INTEGER PRIMARY KEY,
    mailbox BLOB NOT NULL,
    account TEXT NOT NULL,
    message BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('delivered', 'read')),
    UNIQUE (mailbox, message)
);

DROP VIEW shown;
CREATE VIEW shown AS SELECT
    m.row, m.id, m.conversation, m.sender, m.mine, m.text, m.sent_at_ms, m.state,
    m.mine OR coalesce((SELECT trust = 'verified' FROM contact WHERE name = m.sender), 0) AS verified,
    NOT m.mine AND m.conversation = m.sender
        AND NOT coalesce((SELECT accepted FROM person WHERE name = m.sender), 0) AS request,
    m.kind, m.forwarded, m.mentions, m.edited_at_ms, m.deleted, m.pinned, m.expires_at_ms,
    m.reply_id,
    coalesce((SELECT sender FROM message AS q WHERE q.id = m.reply_id AND q.conversation = m.conversation
        AND q.sender = m.reply_author), '') AS quote_sender,
    coalesce((SELECT substr(text, 1, 400) FROM message AS q WHERE q.id = m.reply_id AND q.conversation = m.conversation
        AND q.sender = m.reply_author), '') AS quote_text,
    (SELECT group_concat(r.sender || ' ' || r.emoji, char(10) ORDER BY r.sender) FROM reaction AS r
        WHERE r.message = m.row AND r.emoji <> '') AS reactions
FROM message AS m;

-- What waits to be read: notices are nobody's words.
DROP VIEW unread;
CREATE VIEW unread AS SELECT row, id, conversation, sender FROM message WHERE mine = 0 AND kind <> 2
    AND row > coalesce((SELECT read_row FROM conversation AS c WHERE c.id = message.conversation), 0);
