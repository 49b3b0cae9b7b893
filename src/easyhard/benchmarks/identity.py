"""Who an item is: its content, never its row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence


def item_id(benchmark: str, question: str, answer: str, choices: Sequence[str] | None = None) -> str:
    """``<benchmark>/<12 hex digits>`` from the canonical content: question, right answer, sorted wrong ones.

    The order of the choices does not matter, so an item with shuffled options is the same item. White space
    at the ends is ignored; nothing else is.
    """
    wrong = sorted(choice.strip() for choice in choices or () if choice != answer)
    canonical = json.dumps([question.strip(), answer.strip(), wrong], ensure_ascii=False)
    return f"{benchmark}/{hashlib.sha256(canonical.encode()).hexdigest()[:12]}"
