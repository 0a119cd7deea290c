"""Pages that open over the conversations."""
