"""What a file is, from how it begins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.peer.media import SNIFF_BYTES, TEXT, UNKNOWN, shown, sniff


@pytest.mark.parametrize(
    ("beginning", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\nrest", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF1234WEBPVP8 ", "image/webp"),
        (b"RIFF1234WAVEfmt ", "audio/wav"),
        (b"XXXX1234WEBP\0", UNKNOWN),
        (b"%PDF-1.7", "application/pdf"),
        (b"PK\x03\x04", "application/zip"),
        (b"\0\0\0\x20ftypisom", "video/mp4"),
        (b"MZ\x90\0", "application/x-executable"),
        (b"hello\n", TEXT),
        ("grüße".encode(), TEXT),
        (b"", UNKNOWN),
        (b"\x00\x01\x02", UNKNOWN),
        (b"\xff\xfe\xfd", UNKNOWN),
        (("x" * (SNIFF_BYTES - 1) + "é").encode(), TEXT),
    ],
)
def test_a_file_is_what_it_begins_like(beginning, media_type):
    assert sniff(beginning) == media_type


@given(st.binary(max_size=200))
def test_any_bytes_are_something(beginning):
    assert shown(sniff(beginning)) == sniff(beginning)


@pytest.mark.parametrize(
    ("said", "believed"),
    [
        ("image/png", "image/png"),
        ("IMAGE/SVG+XML", "image/svg+xml"),
        ("text", UNKNOWN),
        ("a/b/c", UNKNOWN),
        ("text/ht\nml", UNKNOWN),
        ("text/<b>", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_what_somebody_calls_it_has_the_form_of_a_type_or_is_not_shown(said, believed):
    assert shown(said) == believed
