"""Words out of pages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slew.pages import LONGEST_PAGE, words


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        (
            "<head><title>T</title></head><script>var a = '<b>';</script><STYLE>p {}</STYLE>"
            "<!-- x > y --><p>Well&lt;done&gt;</p>",
            "T Well<done>",
        ),
        ("a\n  b\t<br/>c", "a b c"),
        ("1 < 2 and 3 > 2", "1 2"),
        ("", ""),
    ],
)
def test_what_a_reader_sees(page: str, shown: str) -> None:
    assert words(page) == shown


@given(st.text(max_size=3000), st.integers(1, 400))
def test_any_page_gives_one_short_line(page: str, limit: int) -> None:
    text = words(page, limit)
    assert len(text) <= limit + 1
    assert "\n" not in text


def test_a_page_without_end_takes_no_time() -> None:
    assert words("<" * LONGEST_PAGE * 2, 10)
