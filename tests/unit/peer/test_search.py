"""Search: words from their beginning, accents folded, scripts without blanks, and an index that is never wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.ids import MessageId
from sealwire.peer import search
from sealwire.peer.search import Query
from sealwire.peer.store import Store

FAR = 2**62


def say(store: Store, text: str, conversation: str = "bob") -> None:
    store.add_message(MessageId(os.urandom(16)), conversation, conversation, False, text, 1)


def found(store: Store, query: str, conversation: str | None = None, limit: int = 50, before: int = FAR) -> list[str]:
    while store.words_behind():
        store.index_words(2)
    return [message.text for message in store.search(search.parse(query), conversation, limit, before)]


def test_a_word_is_found_from_its_beginning_without_case_and_accents(store: Store) -> None:
    for text in ("Der Höhepunkt kommt", "hohe Wellen", "la CRÈME brûlée", "nothing"):
        say(store, text)
    assert found(store, "hohe") == ["hohe Wellen", "Der Höhepunkt kommt"], "latest first"
    assert found(store, "creme brul") == ["la CRÈME brûlée"], "every word of the query"
    assert found(store, "ELLEN") == [], "not in the middle of a word"


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Ёлка", "елка"),
        ("елка", "Ёлка"),
        ("καλημέρα", "ΚΑΛΗΜΕΡΑ"),
        ("καλημερα", "καλημέρα"),
        ("Hauptstraße", "hauptstrasse"),
        ("ﬁlter", "filter"),
        ("İstanbul", "istanbul"),
        ("Việt Nam", "viet"),
        ("مَرْحَبًا", "مرحبا"),
        ("한국어", "한국"),
        ("e\u0301cole", "École"),
    ],
)
def test_accents_and_case_count_in_no_script(store: Store, text: str, query: str) -> None:
    say(store, text)
    assert found(store, query) == [text]
    assert [text[a:b] != "" for a, b in search.marks(text, search.parse(query))] == [True]
    store._sql("UPDATE message SET text = 'another'")
    assert found(store, query) == []
    assert found(store, "another") == ["another"]


def test_an_emoji_is_found_where_it_stands(store: Store) -> None:
    say(store, "the party 🎉🎊 of today")
    say(store, "I ❤ it")
    assert found(store, "🎊") == ["the party 🎉🎊 of today"]
    assert found(store, "party 🎉") == ["the party 🎉🎊 of today"]
    assert found(store, "❤") == ["I ❤ it"]
    assert found(store, "🎁") == []


def test_a_python_that_knows_other_letters_makes_the_index_anew(tmp_path: Path) -> None:
    path = tmp_path / "peer.db"
    store = Store(path, bytes(32))
    say(store, "the first Ёлка")
    store._sql("UPDATE message SET row = -7")  # as what was imported
    store._sql("UPDATE indexed SET row = -8")
    say(store, "the second Ёлка")
    assert len(found(store, "елка")) == 2
    store._sql("UPDATE meta SET value = '1.0' WHERE key = 'unicode'")
    store._sql("INSERT INTO message_words (message_words) VALUES ('delete-all')")
    store.close()
    again = Store(path, bytes(32))
    assert found(again, "елка") == ["the second Ёлка", "the first Ёлка"]
    again.close()
    kept = Store(path, bytes(32))
    assert not kept.words_behind(), "once is enough"
    kept.close()


def test_scripts_without_blanks_are_searched_as_they_stand(store: Store) -> None:
    say(store, "今日は良い天気ですね")
    say(store, "เราไปเที่ยวกัน")
    assert found(store, "天気") == ["今日は良い天気ですね"]
    assert found(store, "เที่ยว") == ["เราไปเที่ยวกัน"]
    assert found(store, "天候") == []


def test_words_keep_the_vowel_signs_of_their_script(store: Store) -> None:
    say(store, "मुझे हिन्दी आती है")
    say(store, "हर दिन")
    assert found(store, "हिन्दी") == ["मुझे हिन्दी आती है"]
    assert found(store, "हि") == ["मुझे हिन्दी आती है"]


def test_a_number_of_a_deleted_message_is_never_used_again(store: Store) -> None:
    say(store, "one")
    store.put_read(1, "bob")
    store._sql("DELETE FROM message")
    say(store, "two")
    assert found(store, "two") == ["two"]
    assert store.unread_count("bob") == 1


def test_nothing_in_a_query_is_an_operator(store: Store) -> None:
    say(store, "this AND that 100% sure")
    for query in (
        '"',
        "NEAR(",
        "AND",
        "that OR nothing",
        "text:this",
        "^this",
        "a*b",
        "100%",
        "'; DROP TABLE x;--",
    ):
        found(store, query)
    assert found(store, "OR") == []
    assert found(store, "100%") == ["this AND that 100% sure"]


def test_an_empty_query_finds_nothing_to_look_for() -> None:
    assert search.parse("  !? ") == Query()


def test_bytes_that_are_no_utf8_are_no_word_and_end_one(store: Store) -> None:
    assert search.parse("\udcff") == Query()
    assert search.parse("ca\udcfffe").words == ("ca", "fe")
    with store.transaction():
        assert store.search(search.parse("a\udcff"), None, 10, 2**62) == []


def test_a_conversation_and_a_page_bound_what_is_found(store: Store) -> None:
    for number in range(6):
        say(store, f"note {number}", "bob" if number % 2 else "carol")
    assert found(store, "note", "bob") == ["note 5", "note 3", "note 1"]
    assert found(store, "note", limit=2) == ["note 5", "note 4"]
    assert found(store, "note", limit=2, before=5) == ["note 3", "note 2"]


def test_what_is_corrected_or_deleted_is_gone_from_the_index(store: Store) -> None:
    say(store, "secret one")
    say(store, "secret two")
    assert len(found(store, "secret")) == 2
    store._sql("UPDATE message SET text = 'open one' WHERE row = 1")
    store._sql("DELETE FROM message WHERE row = 2")
    assert found(store, "secret") == []
    assert found(store, "open") == ["open one"]
    say(store, "secret three")  # corrected before it was indexed
    store._sql("UPDATE message SET text = 'plain three' WHERE text = 'secret three'")
    assert found(store, "secret") == []
    assert found(store, "three") == ["plain three"]
    store._sql("INSERT INTO message_words (message_words) VALUES ('integrity-check')")
    vocabulary = "CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab (main, message_words, row)"
    store._sql(vocabulary)
    assert {word for (word,) in store._sql("SELECT term FROM vocabulary")} == {"open", "one", "plain", "three"}


def test_marks_are_places_in_the_text_as_it_is_written() -> None:
    text = "Crème brûlée, creme"
    assert [text[a:b] for a, b in search.marks(text, search.parse("creme bru"))] == ["Crème", "brû", "creme"]
    composed = "Cre\u0300me"  # the accent is a character of its own
    assert [composed[a:b] for a, b in search.marks(composed, search.parse("cre"))] == ["Cre\u0300"]
    assert search.marks("天気と天気", search.parse("天気")) == ((0, 2), (3, 5))


@given(st.text(max_size=60), st.text(max_size=20))
def test_marks_never_overlap_and_stay_inside_the_text(text: str, query: str) -> None:
    last = 0
    for start, end in search.marks(text, search.parse(query)):
        assert last <= start < end <= len(text)
        last = end
