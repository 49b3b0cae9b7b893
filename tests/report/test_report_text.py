"""Numbers and foreign text as a reader sees them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from easyhard.report.text import interval, percent, plain, signed_points


@pytest.mark.parametrize(
    ("gain", "shown"),
    [(0.123, "+12"), (-0.09, "−9"), (0.0, "0"), (-0.004, "0"), (0.004, "0"), (None, "–")],
)
def test_a_gain_has_a_sign_unless_it_rounds_to_nothing(gain: float | None, shown: str) -> None:
    assert signed_points(gain) == shown


def test_unknown_numbers_are_dashes() -> None:
    assert percent(None) == interval(None, 0.1) == interval(0.1, None) == "–"
    assert interval(-0.012, 0.164) == "−1.2 to +16.4"


@given(st.text(max_size=300), st.integers(min_value=2, max_value=250))
def test_foreign_text_is_one_short_line_without_control_or_direction_marks(text: str, limit: int) -> None:
    shown = plain(text, limit)
    assert len(shown) <= limit
    assert not any(unicodedata.category(sign) == "Cc" for sign in shown)
    assert not any(unicodedata.bidirectional(sign) in _DIRECTION for sign in shown)
    assert plain(shown, limit) == shown


_DIRECTION = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def test_a_long_line_is_cut_and_says_so() -> None:
    assert plain("x" * 100_000, 80) == "x" * 79 + "…"
    assert plain("a  \n\t b") == "a b"
    assert plain(" " * 1000 + "end", 10).endswith("…")
    assert plain(None) == ""
