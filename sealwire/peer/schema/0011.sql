-- The index holds words as they are compared: without case and accents in every script, not only in Latin letters.
-- It is made anew behind the messages, from the first one that is here; imported ones have numbers below 1.
DROP TRIGGER message_unindex;
DROP TRIGGER message_reindex;
DROP TABLE message_words;
CREATE VIRTUAL TABLE message_words USING fts5 (text, content = '',
    tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co M*'");
INSERT INTO message_words (message_words, rank) VALUES ('secure-delete', 1);
UPDATE indexed SET row = (SELECT coalesce(min(row), 1) - 1 FROM message);

CREATE TRIGGER message_unindex AFTER DELETE ON message WHEN old.row <= (SELECT row FROM indexed) BEGIN
    INSERT INTO message_words (message_words, rowid, text) VALUES ('delete', old.row, folded(old.text));
END;
CREATE TRIGGER message_reindex AFTER UPDATE OF text ON message WHEN old.row <= (SELECT row FROM indexed) BEGIN
    INSERT INTO message_words (message_words, rowid, text) VALUES ('delete', old.row, folded(old.text));
    INSERT INTO message_words (rowid, text) VALUES (new.row, folded(new.text));
END;
