"""Promises of the message helpers: a near name is offered, and a hostile value stays on one short line."""

from __future__ import annotations

from easyhard.wording import counted, did_you_mean, nearest, shown, shown_all


def test_the_nearest_name_is_offered_whatever_its_letter_case() -> None:
    assert did_you_mean("Respondant", ["item", "RESPONDENT"]) == " Did you mean 'RESPONDENT'?"
    assert did_you_mean("zzz", ["item", "respondent"]) == ""
    assert nearest("item", []) is None


def test_a_value_stays_on_one_short_line() -> None:
    assert shown("a\nb\x1b[31m") == r"'a\nb\x1b[31m'"
    assert len(shown("x" * 10_000)) == 80
    assert shown_all(["a", "b", "c"], limit=2) == "'a', 'b' and 1 more"


def test_numbers_agree_with_their_noun() -> None:
    assert [counted(n, "row") for n in (0, 1, 1200)] == ["0 rows", "1 row", "1,200 rows"]
