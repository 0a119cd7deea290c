"""The line interface: ``--plain`` on a terminal, columns in a pipe."""
