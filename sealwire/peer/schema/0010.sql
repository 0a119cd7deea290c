-- Which entry a member left by, and when it was read here: their late words are taken for a day from then on, not for
-- ever. Of whoever left before this version neither is known: the day is over.
ALTER TABLE grp_heard_key ADD COLUMN left_sequence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE grp_heard_key ADD COLUMN left_ms INTEGER NOT NULL DEFAULT 0;
