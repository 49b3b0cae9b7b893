"""Try again what a server or a network failed at, ever later, and no sooner than the server asks."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

T = TypeVar("T")


class Mismatch(OSError):
    """What arrived is not what was announced."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often something is tried, and how long the pauses are, in seconds."""

    attempts: int = 6  # with the pauses below, about a minute: a server that restarts is back by then
    first: float = 1.0
    longest: float = 60.0
    longest_asked: float = 900.0  # a server that asks for more is better asked again by hand
    pause: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random  # in [0, 1): many at once shall not come back at one moment

    def wait(self, attempt: int, error: BaseException) -> float | None:
        """Seconds before the try after number ``attempt`` (from 0), or None to give up."""
        asked = retry_after(error)
        if attempt + 1 >= self.attempts or not passing(error) or (asked or 0.0) > self.longest_asked:
            return None
        own = min(self.longest, self.first * 2**attempt) * (0.5 + self.chance())
        return own if asked is None else asked + self.first * self.chance()

    def insist(self, work: Callable[[], T]) -> T:
        """What ``work`` gives, tried again after errors that may pass; the last error otherwise."""
        for attempt in range(self.attempts):
            try:
                return work()
            except Exception as error:
                seconds = self.wait(attempt, error)
                if seconds is None:
                    raise
            self.pause(seconds)
        raise AssertionError("a last attempt returns or raises")


def responses_of(error: BaseException | None) -> Iterator[Any]:
    """HTTP responses of an error and of what caused it: the client wraps some errors in others."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        response = getattr(error, "response", None)
        if response is not None:
            yield response
        error = error.__cause__ or error.__context__


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an error is about, None where no answer came."""
    return next((int(response.status_code) for response in responses_of(error)), None)


def passing(error: BaseException) -> bool:
    """Whether the same call may work later."""
    status = status_of(error)
    if status is not None:
        return status in {408, 416, 429} or status >= 500  # 416: a part that is longer than the file
    return not isinstance(error, ValueError | TypeError | KeyError)


def retry_after(error: BaseException) -> float | None:
    """Seconds that the server asks to wait, from its Retry-After: a number or a date."""
    for response in responses_of(error):
        asked = str(response.headers.get("Retry-After") or "").strip()
        if asked.isascii() and asked.isdigit():
            return float(asked[:9])
        if asked:
            try:
                return max(0.0, (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds())
            except (ValueError, TypeError):
                return None
    return None
