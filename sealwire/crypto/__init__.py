"""Cryptography: one noun of docs/protocol.md per module; the primitives all stand in ``primitives``."""
