"""Right answers that logs give by letter, as texts."""

from __future__ import annotations

from collections.abc import Sequence


def right_answers(targets: Sequence[str], choices: Sequence[str]) -> list[str]:
    """The texts of ``targets``, sorted: those of the choices they name by letter ("B" or "A,C"), else their own."""
    return sorted({text for target in targets for text in _marked(target, choices)})


def _marked(target: str, choices: Sequence[str]) -> list[str]:
    letters = target.replace(",", " ").replace(" ", "")
    places = [ord(letter) - ord("A") for letter in letters]
    known = target not in choices and all(0 <= place < min(len(choices), 26) for place in places)
    return [choices[place] for place in places] if known and places else [target]
