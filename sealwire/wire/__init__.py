"""Bytes on the wire: frames between peer and broker, envelopes and content between peers."""
