"""Names that others chose (protocol.md §17.4)."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.peer.filenames import MAX_NAME_BYTES, clean, numbered, split


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("/etc/shadow", "shadow"),
        ("C:\\Windows\\win.ini", "win.ini"),
        ("a/b/", "b"),
        ("..", "file"),
        (".", "file"),
        ("", "file"),
        ("\0", "file"),
        (".bashrc", "bashrc"),
        ("trailing. . ", "trailing"),
        ("two  blanks\tand\na line.txt", "two blanks and a line.txt"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("zero\u200bwidth\ufeff.txt", "zerowidth.txt"),
        ("\u2066isolate\u2069", "isolate"),
        ("a\x1b[31mred", "a[31mred"),
        ("half\ud800character", "halfcharacter"),
        ("CON", "_CON"),
        ("con.txt", "_con.txt"),
        ("Lpt1.log", "_Lpt1.log"),
        ("COM¹", "_COM¹"),
        ("aux .c", "_aux.c"),
        ("console.txt", "console.txt"),
        ('what?"<>|*:.txt', "what_______.txt"),
        ("e\u0301.txt", "é.txt"),
        ("Ünïcödé 文件.txt", "Ünïcödé 文件.txt"),
        ("archive.tar.gz", "archive.tar.gz"),
    ],
)
def test_a_name_is_made_harmless(name, cleaned):
    assert clean(name) == cleaned


def test_a_name_of_ten_megabytes_costs_nothing_and_keeps_its_ending():
    began = time.process_time()
    name = clean("x" * 10_000_000 + ".pdf")
    assert time.process_time() - began < 0.2
    assert name.endswith(".pdf")
    assert len(name.encode()) == MAX_NAME_BYTES


def test_a_cut_never_splits_a_character():
    assert clean("文" * 200 + ".txt").encode()


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=300))
def test_whatever_the_name_what_is_left_is_a_name(name):
    cleaned = clean(name)
    assert 0 < len(cleaned.encode()) <= MAX_NAME_BYTES + 1
    assert clean(cleaned) == cleaned
    assert not set('/\\<>:"|?*') & set(cleaned)
    assert all(unicodedata.category(one) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for one in cleaned)
    assert cleaned not in (".", "..")
    assert cleaned.strip() == cleaned


def test_the_second_file_of_a_name_gets_a_number_before_its_ending():
    assert [numbered("a.txt", n) for n in (1, 2, 3)] == ["a.txt", "a (2).txt", "a (3).txt"]
    assert numbered("README", 2) == "README (2)"
    assert split("a.b") == ("a", ".b")
    assert split("a." + "b" * 40) == ("a." + "b" * 40, "")
