"""The rules by which a generated text counts as right."""

import pytest

from easyhard.evaluation import is_correct


@pytest.mark.parametrize(
    ("text", "answer", "right"),
    [
        ("The sum is 12, so the answer is 1,234.", "1234", True),
        ("It is $18.00", "18", True),
        ("-7", "-7", True),
        ("12 then 13", "12", False),
        ("no number here", "3", False),
        ("", "3", False),
    ],
)
def test_last_number(text: str, answer: str, right: bool) -> None:
    assert is_correct(text, answer, "last_number") is right


@pytest.mark.parametrize(
    ("text", "answer", "right"),
    [(" Paris \nIt is", "paris", True), ("Paris.", "Paris", False), ("", "Paris", False)],
)
def test_exact_first_line(text: str, answer: str, right: bool) -> None:
    assert is_correct(text, answer, "exact") is right
