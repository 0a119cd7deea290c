"""The desktop window, on Qt. Loaded only for ``--gui``."""
