"""The parts of a peer's database, each with its own tables and questions; ``peer.store.Store`` is all of them."""
