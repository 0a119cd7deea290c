"""Ways in for people: each interface stands on the client and the views, never on another."""
