"""The line interface in a pipe."""

from __future__ import annotations

import pytest

from tests.ui.house import House

pytestmark = pytest.mark.process


def test_lines_in_columns_out(house: House) -> None:
    house.peer("alice", "send", "bob", "so that they know each other")
    house.peer("alice", "recv")
    done = house.peer("alice", stdin="/to bob\nfirst\n@bob second\n//third\n\n")
    assert done.stdout == ""
    said = done.stderr.splitlines()
    assert any(line.startswith("Writing to bob (") for line in said), said
    for number in (1, 2, 3):
        assert f"#{number} to bob: queued." in said
        assert f"#{number} to bob: sent." in said
    back = house.peer("bob", stdin="@alice answer\n")  # what waited may come while it leaves
    rest = house.peer("bob", "recv").stdout
    texts = [row.split("\t")[3] for row in (back.stdout + rest).splitlines()]
    assert texts[-3:] == ["first", "second", "/third"]


def test_what_was_not_written_before_is_printed_as_columns(house: House) -> None:
    house.peer("alice", "send", "bob", "tab\tnewline\nend")
    house.peer("bob", "send", "alice", "the link of this brings it into the store", "--wait", "sent")
    rows = house.peer("bob", "--plain", stdin="@alice x\n").stdout + house.peer("bob", "recv").stdout
    assert rows.splitlines()[-1].split("\t")[1:] == ["alice", "alice", "tab\\tnewline\\nend"]


def test_a_wrong_line_is_named_and_gives_the_exit_code(house: House) -> None:
    done = house.peer("alice", stdin="/qiut\n@bob still sent\n", code=2)
    assert "Did you mean /quit?" in done.stderr
    assert "#1 to bob: sent." in done.stderr
    assert "Nobody is registered" in house.peer("alice", stdin="@nobody-here hi\n", code=5).stderr


def test_quit_ends_before_the_rest(house: House) -> None:
    done = house.peer("alice", stdin="/quit\n@bob never\n")
    assert "#1" not in done.stderr


def test_what_cannot_leave_in_time_gives_exit_7(house: House) -> None:
    done = house.peer("alice", "--timeout", "0.3", "--broker", "tcp://127.0.0.1:9", stdin="@bob waits\n", code=7)
    assert "#1 to bob: queued." in done.stderr
    house.peer("alice", stdin="/status\n")


def test_bytes_that_are_no_text_are_left_out(house: House) -> None:
    arguments = " ".join(f"'{word}'" for word in house.arguments("alice"))
    done = house.run(["bash", "-c", rf"printf '\xff\xfe\n@bob fine\n' | {arguments}"], code=2)
    assert "not UTF-8" in done.stderr
    assert "#1 to bob: sent." in done.stderr
