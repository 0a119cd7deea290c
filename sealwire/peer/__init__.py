"""The peer: holds the keys, keeps the history, speaks to the broker."""
