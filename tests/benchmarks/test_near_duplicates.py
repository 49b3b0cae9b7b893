"""Texts that differ in case and punctuation are one; those that differ in a number are not."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from easyhard.benchmarks.near_duplicates import SIMILAR, near_duplicates

LONG = "A farmer has twelve hens and each of them lays three eggs a day so how many eggs are there after a week"


def test_case_and_punctuation_make_no_other_text() -> None:
    assert near_duplicates([LONG.upper() + "?!"], ["something else entirely", LONG]) == [[1]]


def test_a_word_more_at_the_end_is_a_near_duplicate_and_another_number_is_not() -> None:
    assert near_duplicates([LONG + " please"], [LONG]) == [[0]]
    assert near_duplicates(["What is 12 + 7?"], ["What is 12 + 8?", "What is 12 + 7"]) == [[1]]


def test_texts_without_words_equal_only_themselves() -> None:
    assert near_duplicates(["+ - ?", ""], ["+ - ?", "* *", ""]) == [[0], [2]]


@given(st.lists(st.lists(st.sampled_from("abcd"), min_size=5, max_size=12), min_size=1, max_size=6))
def test_equals_the_jaccard_similarity_of_every_pair(rows: list[list[str]]) -> None:
    texts = [" ".join(row) for row in rows]
    shingles = [{tuple(row[k : k + 5]) for k in range(len(row) - 4)} for row in rows]
    alike = np.array([len(a & b) / len(a | b) >= SIMILAR for a, b in product(shingles, repeat=2)])
    wanted = [np.flatnonzero(row).tolist() for row in alike.reshape(len(rows), -1)]
    assert near_duplicates(texts, texts) == wanted
