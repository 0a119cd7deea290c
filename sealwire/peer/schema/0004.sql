-- A row of the outbox for many devices: who still has to get it.
ALTER TABLE outbox ADD COLUMN targets BLOB;
