"""The style sheet of the main screen: where its parts stand, wide and narrow."""

from __future__ import annotations

from typing import Final

MAIN: Final = """
MainScreen { layout: horizontal; background: $background; }
MainScreen #left { width: 32; height: 100%; border-right: solid $panel; }
MainScreen #who { height: 1; padding: 0 1; background: $panel; color: $foreground; text-style: bold; }
MainScreen #talk { width: 1fr; height: 100%; }
MainScreen #heading { height: 1; padding: 0 1; background: $panel; color: $foreground; text-style: bold; }
MainScreen #banner { height: auto; max-height: 5; padding: 0 1; display: none; }
MainScreen #banner.info { background: $primary-muted; color: $foreground; }
MainScreen #banner.warning { background: $warning-muted; color: $foreground; }
MainScreen #banner.error { background: $error-muted; color: $foreground; }
MainScreen #writing { height: 1; padding: 0 1; color: $foreground-muted; }
MainScreen #about { height: 1; padding: 0 1; color: $accent; display: none; }
MainScreen #foot {
    dock: bottom; height: auto; max-height: 2; padding: 0 1; color: $foreground-muted; background: $panel;
}
MainScreen.narrow #left { width: 100%; border-right: none; }
MainScreen.narrow.talking #left { display: none; }
MainScreen.narrow.listing #talk { display: none; }
"""

DEMO: Final = """
#story { height: auto; min-height: 2; padding: 0 1; background: $primary-muted; color: $foreground; }
#columns { height: 1fr; }
#columns > * { width: 1fr; height: 100%; border-right: solid $panel; }
.heading { height: 1; padding: 0 1; background: $panel; color: $foreground; text-style: bold; }
.writing { height: 1; padding: 0 1; color: $foreground-muted; }
#broker { background: $surface; }
#sights { background: $surface; color: $foreground-muted; padding: 0 1; scrollbar-size-vertical: 1; }
#foot { height: auto; max-height: 2; padding: 0 1; color: $foreground-muted; background: $panel; }
.narrow #columns > * { display: none; border-right: none; }
.narrow #columns > .shown { display: block; }
"""
"""The style sheet of the demonstration: three columns, or one at a time."""
