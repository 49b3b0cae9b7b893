"""The demo's questions: about a thousand, four choices each, made here from some thirty families.

Each family is one function that draws a question with its answer, three wrong choices, and the knobs that
a person would turn to make it harder: ``digits`` (of the largest number), ``terms`` (numbers or letters to
keep in mind) and ``steps`` (how far to count or how many operations). The knobs are kept as covariates; no
knob enters the calibration.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

import numpy as np
import polars as pl

from easyhard.benchmarks import item_id
from easyhard.chance import cell_rng
from easyhard.demo import words
from easyhard.schema import Items

KNOBS = ("digits", "terms", "steps")
ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


@dataclass(frozen=True, slots=True)
class Question:
    """One drawn question. ``wrong`` holds candidates for wrong choices; three distinct ones are kept."""

    text: str
    answer: str
    wrong: Sequence[str]
    digits: int | None = None
    terms: int | None = None
    steps: int | None = None


def demo_items(per_family: int = 30, seed: int = 2511, name: str = "demo") -> Items:
    """All demo items: at most ``per_family`` distinct questions from each family, in a fixed order.

    Another ``seed`` draws other questions from the same families (some recur: word lists are finite).
    """
    rows = []
    for family, draw in FAMILIES.items():
        rng = cell_rng(seed, "demo-items", family)
        seen: set[str] = set()
        for _ in range(40 * per_family):  # enough tries to exhaust the small families
            question = draw(rng)
            if len(seen) == per_family or question.text in seen:
                continue
            seen.add(question.text)
            rows.append(_row(question, family, name, rng))
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "item": pl.String, "question": pl.String, "answer": pl.String, "choices": pl.List(pl.String),
        "solution": pl.String, "family": pl.String, **dict.fromkeys(KNOBS, pl.Int64),
    }  # fmt: skip
    return Items(pl.DataFrame(rows, schema=schema), covariates=("family", *KNOBS))


def _row(question: Question, family: str, name: str, rng: np.random.Generator) -> dict[str, object]:
    candidates = [w for w in dict.fromkeys(question.wrong) if w != question.answer]
    wrong = [str(w) for w in rng.permutation(candidates)[:3]]
    choices = [str(c) for c in rng.permutation([question.answer, *wrong])]
    return {
        "item": item_id(name, question.text, question.answer, choices),
        "question": question.text,
        "answer": question.answer,
        "choices": choices,
        "solution": None,
        "family": family,
        "digits": question.digits,
        "terms": question.terms,
        "steps": question.steps,
    }


# --- drawing helpers -----------------------------------------------------------------------------------


def _number(rng: np.random.Generator, digits: int) -> int:
    return int(rng.integers(10 ** (digits - 1) if digits > 1 else 1, 10**digits))


def _near(rng: np.random.Generator, value: int) -> list[str]:
    """Six wrong numbers with as many digits as ``value``, close enough to be tempting."""
    digits = len(str(value))
    low, high = (10 ** (digits - 1) if digits > 1 else 0), 10**digits - 1
    reach = max(6, value // 8)
    pool = [n for n in range(max(low, value - reach), min(high, value + reach) + 1) if n != value]
    return [str(n) for n in rng.choice(pool, size=min(6, len(pool)), replace=False)]


def _pick(rng: np.random.Generator, names: Sequence[str]) -> str:
    return str(names[int(rng.integers(len(names)))])


def number_words(number: int) -> str:
    """English words of a number from 0 to 999."""
    if number >= 100:
        rest = number % 100
        return f"{ONES[number // 100]} hundred" + (f" and {number_words(rest)}" if rest else "")
    if number < 20:
        return ONES[number]
    return TENS[number // 10] + (f"-{ONES[number % 10]}" if number % 10 else "")


def roman(number: int) -> str:
    """Roman numeral of a number from 1 to 399."""
    parts = [
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ]
    text = ""
    for value, letters in parts:
        text += letters * (number // value)
        number %= value
    return text


# --- words and facts -----------------------------------------------------------------------------------


def _from_pairs(pattern: str, pairs: dict[str, str]) -> Callable[[np.random.Generator], Question]:
    def draw(rng: np.random.Generator) -> Question:
        key = _pick(rng, list(pairs))
        return Question(pattern.format(key), pairs[key], list(pairs.values()))

    return draw


def _rhyme(rng: np.random.Generator) -> Question:
    word, rhyme = words.RHYMES[int(rng.integers(len(words.RHYMES)))]
    return Question(f"Which word rhymes with '{word}'?", rhyme, [other for _, other in words.RHYMES])


def _past_tense(rng: np.random.Generator) -> Question:
    verb = _pick(rng, list(words.PAST_TENSE))
    regular = verb + ("d" if verb.endswith("e") else "ed")
    wrong = [regular, verb + "s", (verb[:-1] if verb.endswith("e") else verb) + "ing"]
    return Question(f"What is the past tense of '{verb}'?", words.PAST_TENSE[verb], wrong)


def _plural(rng: np.random.Generator) -> Question:
    noun = _pick(rng, list(words.PLURALS))
    wrong = [noun + "s", noun + "en", noun + "ies", noun + "i"]
    return Question(f"What is the plural of '{noun}'?", words.PLURALS[noun], wrong)


def _nth_letter(rng: np.random.Generator) -> Question:
    word = _pick(rng, words.COMMON_WORDS)
    place = int(rng.integers(4))
    name = ("first", "second", "third", "last")[place]
    answer = word[-1 if name == "last" else place]
    wrong = [letter for letter in word if letter != answer] + list("rstlne")
    return Question(f"What is the {name} letter of the word '{word}'?", answer, wrong, terms=len(word), steps=place)


def _word_length(rng: np.random.Generator) -> Question:
    word = _pick(rng, words.COMMON_WORDS)
    return Question(f"How many letters does the word '{word}' have?", str(len(word)), list("345678"), terms=len(word))


def _alphabetical(rng: np.random.Generator) -> Question:
    chosen = [str(w) for w in rng.choice(words.COMMON_WORDS, size=4, replace=False)]
    text = f"Which of these words comes first in the alphabet: {', '.join(chosen)}?"
    return Question(text, min(chosen), chosen, terms=4)


# --- sequences -----------------------------------------------------------------------------------------


def _cyclic(pattern: str, ring: Sequence[str], sign: int) -> Callable[[np.random.Generator], Question]:
    def draw(rng: np.random.Generator) -> Question:
        start, steps = int(rng.integers(len(ring))), int(rng.integers(1, 5))
        amount = "1 step" if steps == 1 else f"{steps} steps"
        text = pattern.format(start=ring[start], amount=amount)
        return Question(text, ring[(start + sign * steps) % len(ring)], list(ring), steps=steps)

    return draw


def _next_in_ring(pattern: str, ring: Sequence[str], sign: int) -> Callable[[np.random.Generator], Question]:
    def draw(rng: np.random.Generator) -> Question:
        start = int(rng.integers(len(ring)))
        return Question(pattern.format(ring[start]), ring[(start + sign) % len(ring)], list(ring), steps=1)

    return draw


def _letter(sign: int, word: str) -> Callable[[np.random.Generator], Question]:
    def draw(rng: np.random.Generator) -> Question:
        start = int(rng.integers(1, 25))
        near = [ascii_uppercase[i] for i in range(max(0, start - 5), min(26, start + 6)) if i != start]
        text = f"Which letter comes right {word} {ascii_uppercase[start]} in the alphabet?"
        return Question(text, ascii_uppercase[start + sign], near, steps=1)

    return draw


def _successor(sign: int, word: str) -> Callable[[np.random.Generator], Question]:
    def draw(rng: np.random.Generator) -> Question:
        digits = int(rng.integers(1, 5))
        number = _number(rng, digits)
        answer = number + sign
        return Question(f"Which number comes right {word} {number}?", str(answer), _near(rng, answer), digits=digits)

    return draw


def _series(rng: np.random.Generator) -> Question:
    step, start = int(rng.integers(1, 13)), int(rng.integers(1, 40))
    shown = [start + step * i for i in range(4)]
    answer = shown[-1] + step
    text = f"Which number comes next: {', '.join(map(str, shown))}?"
    return Question(text, str(answer), _near(rng, answer), digits=len(str(answer)), terms=4, steps=step)


def _letter_pattern(rng: np.random.Generator) -> Question:
    period = int(rng.integers(2, 5))
    ring = [str(c) for c in rng.choice(list("ABCDEFGH"), size=period, replace=False)]
    shown = [ring[i % period] for i in range(int(rng.integers(2 * period, 3 * period)))]
    text = f"Which letter comes next: {' '.join(shown)}?"
    return Question(text, ring[len(shown) % period], [*ring, *"KMPR"], terms=len(shown), steps=period)


# --- numbers -------------------------------------------------------------------------------------------


def _words_of_number(rng: np.random.Generator) -> Question:
    digits = int(rng.integers(1, 4))
    number = _number(rng, digits)
    wrong = [number_words(int(n)) for n in _near(rng, number)]
    return Question(f"How is the number {number} written in words?", number_words(number), wrong, digits=digits)


def _number_of_words(rng: np.random.Generator) -> Question:
    digits = int(rng.integers(2, 4))
    number = _number(rng, digits)
    text = f"Which number is {number_words(number)}?"
    return Question(text, str(number), _near(rng, number), digits=digits)


def _extreme(word: str, choose: Callable[[list[int]], int]) -> Callable[[np.random.Generator], Question]:
    def draw(rng: np.random.Generator) -> Question:
        digits = int(rng.integers(1, 5))
        low = 10 ** (digits - 1)
        pool = [int(n) for n in low + rng.choice(9 * low, size=4, replace=False)]
        text = f"Which of these numbers is the {word}: {', '.join(map(str, pool))}?"
        return Question(text, str(choose(pool)), [str(n) for n in pool], digits=digits, terms=4)

    return draw


def _parity(rng: np.random.Generator) -> Question:
    digits, odd = int(rng.integers(1, 4)), int(rng.integers(2))
    half = 10**digits // 2
    low = (10 ** (digits - 1)) // 2 + 1
    first, *others = (int(n) for n in rng.choice(np.arange(low, half), size=4, replace=False))
    text = f"Which of these numbers is {'odd' if odd else 'even'}?"
    answer, wrong = 2 * first + odd, [str(2 * n + 1 - odd) for n in others]
    listed = ", ".join(str(n) for n in rng.permutation([str(answer), *wrong]))
    return Question(f"{text[:-1]}: {listed}?", str(answer), wrong, digits=digits, terms=4)


def _sum(rng: np.random.Generator) -> Question:
    digits, terms = int(rng.integers(1, 4)), int(rng.integers(2, 4))
    numbers = [_number(rng, digits) for _ in range(terms)]
    answer = sum(numbers)
    text = f"What is {' + '.join(map(str, numbers))}?"
    return Question(text, str(answer), _near(rng, answer), digits=digits, terms=terms, steps=terms - 1)


def _difference(rng: np.random.Generator) -> Question:
    digits = int(rng.integers(1, 4))
    a, b = sorted((_number(rng, digits), _number(rng, digits)), reverse=True)
    return Question(f"What is {a} - {b}?", str(a - b), _near(rng, a - b), digits=digits, terms=2, steps=1)


def _product(rng: np.random.Generator) -> Question:
    digits = int(rng.integers(1, 3))
    a, b = _number(rng, digits), int(rng.integers(2, 10))
    return Question(f"What is {a} * {b}?", str(a * b), _near(rng, a * b), digits=digits, terms=2, steps=1)


def _quotient(rng: np.random.Generator) -> Question:
    answer, b = int(rng.integers(2, 21)), int(rng.integers(2, 10))
    text = f"What is {answer * b} / {b}?"
    return Question(text, str(answer), _near(rng, answer), digits=len(str(answer * b)), terms=2, steps=1)


def _remainder(rng: np.random.Generator) -> Question:
    b = int(rng.integers(4, 10))
    a = int(rng.integers(b, 60))
    text = f"What is the remainder when {a} is divided by {b}?"
    return Question(text, str(a % b), [str(n) for n in range(b)], digits=len(str(a)), terms=2, steps=2)


def _two_step(rng: np.random.Generator) -> Question:
    a, b, c = (int(n) for n in rng.integers(2, 10, size=3))
    return Question(f"What is {a} * {b} + {c}?", str(a * b + c), _near(rng, a * b + c), digits=1, terms=3, steps=2)


def _roman_to_number(rng: np.random.Generator) -> Question:
    digits = int(rng.integers(1, 3))
    number = _number(rng, digits)
    text = f"Which number is the Roman numeral {roman(number)}?"
    return Question(text, str(number), _near(rng, number), digits=digits, terms=len(roman(number)))


def _number_to_roman(rng: np.random.Generator) -> Question:
    digits = int(rng.integers(1, 3))
    number = _number(rng, digits)
    wrong = [roman(int(n)) for n in _near(rng, number) if int(n) > 0]
    return Question(f"What is {number} as a Roman numeral?", roman(number), wrong, digits=digits)


def _reverse_digits(rng: np.random.Generator) -> Question:
    digits = int(rng.integers(2, 5))
    shown = [str(d) for d in rng.choice(np.arange(1, 10), size=digits, replace=False)]
    answer = "".join(reversed(shown))
    wrong = ["".join(str(d) for d in rng.permutation(shown)) for _ in range(12)] + [
        "".join(shown),
        answer[::-1],
    ]
    wrong += [str(int(answer) + n) for n in (1, -1, 10)]
    return Question(f"What is {''.join(shown)} written backwards?", answer, wrong, digits=digits, steps=digits)


_CAPITALS = {country: capital for country, (capital, _) in words.COUNTRIES.items()}
_CONTINENTS = {country: continent for country, (_, continent) in words.COUNTRIES.items()}

FAMILIES: dict[str, Callable[[np.random.Generator], Question]] = {
    "opposite": _from_pairs("What is the opposite of '{}'?", words.OPPOSITES),
    "capital": _from_pairs("What is the capital of {}?", _CAPITALS),
    "continent": _from_pairs("On which continent is {}?", _CONTINENTS),
    "young animal": _from_pairs("What is a young {} called?", words.YOUNG),
    "chemical symbol": _from_pairs("What is the chemical symbol of {}?", words.SYMBOLS),
    "past tense": _past_tense,
    "plural": _plural,
    "rhyme": _rhyme,
    "nth letter": _nth_letter,
    "word length": _word_length,
    "alphabetical order": _alphabetical,
    "month after": _next_in_ring("Which month comes right after {}?", words.MONTHS, 1),
    "month before": _next_in_ring("Which month comes right before {}?", words.MONTHS, -1),
    "months later": _cyclic("Count on from {start} by {amount}. Which month is it?", words.MONTHS, 1),
    "days later": _cyclic("Count on from {start} by {amount}. Which day is it?", words.DAYS, 1),
    "days earlier": _cyclic("Count back from {start} by {amount}. Which day is it?", words.DAYS, -1),
    "letter after": _letter(1, "after"),
    "letter before": _letter(-1, "before"),
    "number after": _successor(1, "after"),
    "number before": _successor(-1, "before"),
    "series": _series,
    "letter pattern": _letter_pattern,
    "number to words": _words_of_number,
    "words to number": _number_of_words,
    "largest": _extreme("largest", max),
    "smallest": _extreme("smallest", min),
    "parity": _parity,
    "sum": _sum,
    "difference": _difference,
    "product": _product,
    "quotient": _quotient,
    "remainder": _remainder,
    "two operations": _two_step,
    "Roman to number": _roman_to_number,
    "number to Roman": _number_to_roman,
    "reversed digits": _reverse_digits,
}
