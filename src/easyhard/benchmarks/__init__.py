"""Benchmarks as data: identity, prompt, completion and scoring of items."""

from easyhard.benchmarks.identity import item_id
from easyhard.benchmarks.spec import (
    BenchmarkSpec,
    Scoring,
    answer_forms,
    candidates,
    completions,
    guessing_rates,
    number,
    prompts,
    refuse_other_than_numbers,
    scoring_for,
)

__all__ = [
    "BenchmarkSpec",
    "Scoring",
    "answer_forms",
    "candidates",
    "completions",
    "guessing_rates",
    "item_id",
    "number",
    "prompts",
    "refuse_other_than_numbers",
    "scoring_for",
]
