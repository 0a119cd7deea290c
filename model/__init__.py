"""A model of delivery for the model checker spin, and what runs it."""
