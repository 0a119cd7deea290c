"""The broker: relays envelopes it cannot read, and loses none that it accepted."""
