"""Benchmarks as data: identity, prompt, completion and scoring of items."""

from easyhard.benchmarks.identity import item_id
from easyhard.benchmarks.spec import BenchmarkSpec, Scoring, completions, guessing_rates, scoring_for

__all__ = ["BenchmarkSpec", "Scoring", "completions", "guessing_rates", "item_id", "scoring_for"]
