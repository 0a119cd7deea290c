-- An index of words beside the messages. It follows behind them (row: how far it is), and what is corrected or deleted
-- there is gone from it at once.
CREATE VIRTUAL TABLE message_words USING fts5 (text, content = 'message', content_rowid = 'row',
    tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co M*'");
INSERT INTO message_words (message_words, rank) VALUES ('secure-delete', 1);

CREATE TABLE indexed (row INTEGER NOT NULL);
INSERT INTO indexed VALUES (0);

CREATE TRIGGER message_unindex AFTER DELETE ON message WHEN old.row <= (SELECT row FROM indexed) BEGIN
    INSERT INTO message_words (message_words, rowid, text) VALUES ('delete', old.row, old.text);
END;
CREATE TRIGGER message_reindex AFTER UPDATE OF text ON message WHEN old.row <= (SELECT row FROM indexed) BEGIN
    INSERT INTO message_words (message_words, rowid, text) VALUES ('delete', old.row, old.text);
    INSERT INTO message_words (rowid, text) VALUES (new.row, new.text);
END;
