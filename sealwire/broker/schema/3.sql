-- The logs of groups: entries that follow each other and that only members can open. Who began a group, who appended
-- what and who reads it stands nowhere; an account is only asked how many groups it has begun.
CREATE TABLE group_entry (
    grp      BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    entry    BLOB NOT NULL,
    UNIQUE (grp, sequence)
) STRICT;

ALTER TABLE account ADD COLUMN groups INTEGER NOT NULL DEFAULT 0;
