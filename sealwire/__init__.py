"""Sealwire: a self-hosted, end-to-end encrypted messenger over ZeroMQ."""

__version__ = "0.1.0"
