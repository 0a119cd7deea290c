"""The fixtures of the window, for windows over real brokers and peers."""

from tests.unit.ui.desktop.conftest import *  # noqa: F403
