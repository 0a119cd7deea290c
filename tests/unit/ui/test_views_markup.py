"""Markup: what is meant by a text, and that no text can do more than be shown."""

from __future__ import annotations

import gc
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwire.ui.views.markup import MAX_SPANS, MarkupLine, Span, is_address, parse, plain

B, I, C = {"bold": True}, {"italic": True}, {"code": True}  # noqa: E741 - as on the buttons


def spans(text: str) -> list[Span]:
    (line,) = parse(text)
    assert line.kind == "text"
    return list(line.spans)


def link(address: str) -> Span:
    return Span(address, link=address)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("plain words", [Span("plain words")]),
        ("", [Span("")]),
        ("a **b** c", [Span("a "), Span("b", **B), Span(" c")]),
        ("*a* _b_ __c__", [Span("a", **I), Span(" "), Span("b", **I), Span(" "), Span("c", **B)]),
        ("**a *b* c**", [Span("a ", **B), Span("b", **B, **I), Span(" c", **B)]),
        ("中文**粗体**中文", [Span("中文"), Span("粗体", **B), Span("中文")]),
        ("**a *b** c*", [Span("a *b", **B), Span(" c*")]),
        ("2*3*4 and a_snake_case_name", [Span("2*3*4 and a_snake_case_name")]),
        ("a * b * c ** d **", [Span("a * b * c ** d **")]),
        ("**never closed", [Span("**never closed")]),
        ("** **", [Span("** **")]),
        ("****", [Span("****")]),
        (r"\*no\* \`neither\`", [Span("*no* `neither`")]),
        (r"C:\new\dir", [Span(r"C:\new\dir")]),
        ("a `b*c*` d", [Span("a "), Span("b*c*", **C), Span(" d")]),
        ("``a`b``", [Span("a`b", **C)]),
        ("`never closed", [Span("`never closed")]),
        ("**`a`**", [Span("a", **B, **C)]),
    ],
)
def test_emphasis_and_code(text, wanted):
    assert spans(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("see https://a.example/b.", [Span("see "), link("https://a.example/b"), Span(".")]),
        ("(https://a.example/b_(c))", [Span("("), link("https://a.example/b_(c)"), Span(")")]),
        ("http://a.example, and mailto:bob@b.example!",
         [link("http://a.example"), Span(", and "), link("mailto:bob@b.example"), Span("!")]),
        ("[the bank](https://evil.example/x)", [Span("the bank ("), link("https://evil.example/x"), Span(")")]),
        ("[https://bank.example](https://evil.example)",
         [Span("https://bank.example ("), link("https://evil.example"), Span(")")]),
        ("[https://a.example](https://a.example)", [link("https://a.example")]),
        ("**https://a.example**", [Span("https://a.example", **B, link="https://a.example")]),
    ],
)  # fmt: skip
def test_a_link_is_what_its_whole_target_shows(text, wanted):
    assert spans(text) == wanted


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "ssh://host",
        "//host/x",
        "https://",
        "https:///x",
        "https://bank.example@evil.example/",
        "https://user:pass@evil.example/",
        "https://bank.example\\@evil.example/",
        "https://\u0430pple.example/",
        "https://a.example/\u202egnp.exe",
        "https://a.example/\x1b[2J",
        "https://[::1",
        "https://a.example:port/",
        "mailto:",
        "mailto:bob@b.example?bcc=all@b.example",
        "mailto:bob@b.example,carol@c.example",
        "https://a.example/" + "x" * 2_000,
    ],
)
def test_what_is_no_address_can_not_be_pressed(target):
    assert not is_address(target)
    for text in (target, f"[words]({target})", f"see {target} there"):
        for line in parse(text):
            assert all(span.link != target for span in line.spans)


def test_lists_and_code_blocks():
    text = "- one\n  * two **b**\n3. three\n10) ten\n```py\nif x:\n    **y**\n```\n-no item\n1.no item\n```\nopen"
    assert parse(text) == (
        MarkupLine("item", (Span("one"),), "•"),
        MarkupLine("item", (Span("two "), Span("b", **B)), "•", 1),
        MarkupLine("item", (Span("three"),), "3."),
        MarkupLine("item", (Span("ten"),), "10)"),
        MarkupLine("code", (Span("if x:", **C),)),
        MarkupLine("code", (Span("    **y**", **C),)),
        MarkupLine("text", (Span("-no item"),)),
        MarkupLine("text", (Span("1.no item"),)),
        MarkupLine("text", (Span("```"),)),
        MarkupLine("text", (Span("open"),)),
    )


def test_the_plain_form_has_the_words_and_the_targets():
    text = "**hi** `x`\n- [a](https://a.example)\n```\n*code*\n```"
    assert plain(text) == "hi x\n• a (https://a.example)\n*code*"


BITS = st.sampled_from([*"*_`[]()\\ \n-1.ab:/", "https://a.example", "**", "```", "mailto:b@c.d"])
MARKUP = st.lists(BITS, max_size=120).map("".join)


@given(st.text(max_size=300) | MARKUP)
@settings(max_examples=300, deadline=None)
def test_any_text_is_shown_and_its_words_stay(text):
    lines = parse(text)
    assert lines
    for line in lines:
        assert line.spans
        for span in line.spans:
            assert span.link is None or (span.link == span.text and is_address(span.link))
            assert "\n" not in span.text
    # Nothing but marks goes and nothing comes: letters and digits are all there, in order.
    shown = "".join(line.marker + "".join(span.text for span in line.spans) for line in lines)
    if "](" not in text and "```" not in text:
        letters = re.compile(r"[\W_]+")
        assert letters.sub("", shown) == letters.sub("", text)


HOSTILE = {
    "stars": "*" * 15_000,
    "opened": "**a " * 3_750,
    "pairs": "*a* " * 3_750,
    "brackets": "[" * 15_000,
    "half links": "[a](" * 3_750,
    "labels": "[" + "a" * 14_998,
    "ticks": "`" * 15_000,
    "ticks apart": "` " * 7_500,
    "ticks of two kinds": "`` ` " * 3_000,
    "addresses": "http://a.b " * 1_363,
    "brackets of addresses": "http://a.b" + "(" * 7_000 + ")" * 7_900,
    "ends of addresses": "http://a.b" + ").," * 4_990,
    "fences": "```\n" * 3_750,
    "lines": "\n" * 15_000,
    "items": "- a\n" * 3_750,
    "mixed": "**a*_b__ " * 1_600,
    "escapes": "\\*" * 7_500,
    "blanks": " " * 14_999 + "-",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_the_worst_texts_are_linear_and_bounded(text):
    once, four = (min(_cpu_s(lambda t=text * times: parse(t)) for _ in range(3)) for times in (1, 4))
    assert once < 0.3
    assert four < 12 * once + 0.05
    assert sum(len(line.spans) for line in parse(text)) <= MAX_SPANS + text.count("\n") + 1


def _cpu_s(run) -> float:
    gc.disable()  # a look at everything that all tests before this one have made is none of its cost
    try:
        began = time.process_time()
        run()
        return time.process_time() - began
    finally:
        gc.enable()
