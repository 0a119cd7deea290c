"""Text in a width: paragraphs in their own directions, addresses that can be pressed, nothing taken for markup."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter

from sealwire.ui.desktop.shape import MAX_SPANS, Block, Ink, Span, mentions_in, styled
from sealwire.ui.desktop.theme import look

INK = Ink("#000000", "#0000ff", "#ffff00", "#000000", "#eeeeee")


def block(*lines: str, width: float = 300) -> Block:
    shown, spans = styled(lines)
    return Block(shown, look().font(), width, INK, spans)


def painted(made: Block, width: int = 300) -> QImage:
    image = QImage(width, max(1, round(made.height)), QImage.Format.Format_RGB32)
    image.fill(QColor("#ffffff"))
    painter = QPainter(image)
    made.fit(width)
    made.draw(painter, QPointF(0, 0), "#000000")
    painter.end()
    return image


def ink_columns(image: QImage) -> list[int]:
    return [
        x for x in range(image.width()) if any(image.pixelColor(x, y).lightness() < 128 for y in range(image.height()))
    ]


def test_a_line_is_as_wide_as_it_is_and_breaks_at_the_width() -> None:
    one, many = block("word"), block("word " * 60)
    assert one.width < 100
    assert one.height == pytest.approx(QFontMetricsF(look().font()).height(), abs=3)
    assert many.height > 3 * one.height
    assert many.width <= 300


def test_a_word_wider_than_the_width_breaks_anywhere() -> None:
    assert block("x" * 500, width=100).width <= 100


def test_an_empty_line_keeps_its_height() -> None:
    assert block("a", "", "b").height > block("a", "b").height


def test_a_paragraph_from_the_right_stands_at_the_right() -> None:
    left, right = ink_columns(painted(block("hello"))), ink_columns(painted(block("שלום")))
    assert min(left) < 10
    assert max(right) > 280


def test_html_is_text() -> None:
    made = block("<b>bold</b><img src=x onerror=alert(1)>")
    assert made.width > block("bold").width * 3
    assert len(ink_columns(painted(made))) > len(ink_columns(painted(block("bold"))))


@pytest.mark.parametrize(
    ("line", "targets"),
    [
        ("see https://example.org/a?b=c, or not", ["https://example.org/a?b=c"]),
        ("(http://example.org).", ["http://example.org"]),
        ("javascript:alert(1) file:///etc/passwd ftp://x", []),
    ],
)
def test_only_web_addresses_are_links_and_end_before_the_full_stop(line: str, targets: list[str]) -> None:
    assert [span.target for span in styled([line])[1][0] if span.kind == "link"] == targets


def test_people_who_are_mentioned_are_found_as_whole_names() -> None:
    assert [(span.start, span.end) for span in mentions_in("@bob and @bobby, @bob", ["bob"])] == [(0, 4), (17, 21)]
    assert mentions_in("@bob", []) == []


def test_a_text_of_nothing_but_addresses_is_bounded() -> None:
    assert len(styled(["http://a.bc " * 10_000])[1][0]) <= MAX_SPANS
    assert len(styled(["@bob " * 10_000], ["bob"])[1][0]) == MAX_SPANS


def test_marks_around_words_become_styles_and_lists_keep_their_signs() -> None:
    lines, spans = styled(["**bold** and `code`", "- item", "  3. *third*"])
    assert lines == ["bold and code", "• item", "  3. third"]
    assert [[(span.kind, span.start, span.end) for span in line] for line in spans] == [
        [("bold", 0, 4), ("code", 9, 13)], [], [("italic", 5, 10)],
    ]  # fmt: skip


def test_what_is_pressed_is_found_behind_signs_of_two_units() -> None:
    line = "👍👍 https://example.org"
    made = block(line)
    across = QFontMetricsF(look().font()).horizontalAdvance("👍👍 http")
    found = made.hit(QPointF(across, 5))
    assert found == Span(3, len(line), "link", "https://example.org")
    assert made.hit(QPointF(2, 5)) is None
    assert made.hit(QPointF(2, 500)) is None


def test_sixteen_thousand_marks_cost_little() -> None:
    from time import process_time

    from sealwire.ui.views.bounded import bounded

    began = process_time()
    for _time in range(10):
        block(*bounded("a" + "\u0301" * 16_000).lines)
        block(*bounded("\n" * 15_000).lines)
    assert (process_time() - began) / 10 < 0.05
