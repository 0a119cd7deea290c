"""What was set stays set; what is damaged is at its default."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.ui.desktop.preferences import FILE_NAME, Preferences, checked, is_quiet, load, save


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    set_by_hand = Preferences(theme="dark", density="compact", text_size=125, notify="none", lock_minutes=5)
    save(tmp_path / "new", set_by_hand)
    assert load(tmp_path / "new") == set_by_hand
    assert stat.S_IMODE((tmp_path / "new" / FILE_NAME).stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"dark"', b"\xff", b"[" * 100_000, b"{}" + b" " * 100_000])
def test_a_damaged_file_means_the_defaults(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    assert load(tmp_path) == Preferences()


def test_wrong_values_are_left_out_and_right_ones_kept() -> None:
    found = checked({"theme": "pink", "text_size": 5_000, "enter_sends": 0, "notify": "full", "unknown": 1})
    assert found == Preferences(notify="full")


VALUES = (
    st.none() | st.integers(-5, 5_000) | st.booleans() | st.sampled_from(["", "dark", "none", "full", "compact", "x"])
)


@given(st.dictionaries(st.sampled_from([*Preferences.__slots__, "x"]), VALUES))
def test_no_object_makes_preferences_that_break(found: dict[str, object]) -> None:
    made = checked(found)
    assert checked(json.loads(json.dumps({name: getattr(made, name) for name in made.__slots__}))) == made


@pytest.mark.parametrize(
    ("start", "end", "minute", "quiet"),
    [(60, 120, 60, True), (60, 120, 120, False), (1_320, 420, 1_400, True), (1_320, 420, 0, True),
     (1_320, 420, 420, False), (300, 300, 300, False)],
)  # fmt: skip
def test_quiet_hours_may_span_midnight(start: int, end: int, minute: int, quiet: bool) -> None:
    hours = Preferences(quiet_hours=True, quiet_from=start, quiet_to=end)
    assert is_quiet(hours, minute) is quiet
    assert not is_quiet(Preferences(quiet_from=start, quiet_to=end), minute)


def test_do_not_disturb_lasts_until_it_is_switched_off() -> None:
    assert is_quiet(Preferences(do_not_disturb=True), 720)
