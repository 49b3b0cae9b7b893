"""Small helpers for the sentences that people read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like ``name``, letter case aside; None if none resembles it."""
    spelt = {other.casefold(): other for other in known}
    near = difflib.get_close_matches(name.casefold(), spelt, n=1)
    return spelt[near[0]] if near else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` with a leading space, or ``""`` if no known name resembles ``name``."""
    near = nearest(name, known)
    return f" Did you mean {shown(near)}?" if near is not None else ""


def shown(value: object, width: int = 80) -> str:
    """``value`` as it may stand in a message: quoted, on one line, cut to ``width`` characters."""
    text = repr(value)
    return text if len(text) <= width else f"{text[: width - 3]}..."


def shown_all(values: Sequence[object], limit: int = 8) -> str:
    """``'a', 'b'``, and past ``limit`` values how many more there are."""
    text = ", ".join(shown(value) for value in values[:limit])
    return text if len(values) <= limit else f"{text} and {len(values) - limit} more"


def counted(number: int, noun: str) -> str:
    """``1 row``, ``2 rows``, ``1,200 rows``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)
