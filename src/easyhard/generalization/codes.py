"""The codes of the checks, and the four outcomes of one."""

from __future__ import annotations

from easyhard.schema import Check

TITLES = {
    "EH001": "Too few respondents for stable bins",
    "EH002": "Equal difficulties on both sides of a bin edge",
    "EH003": "Bins at the floor or ceiling of a model",
    "EH004": "Trained and evaluated on the same items",
    "EH005": "Unequal training sizes",
    "EH006": "Zero-shot accuracy not distinguishable from guessing",
    "EH007": "No change larger than the design can detect",
    "EH008": "Truncated training examples",
    "EH009": "Items that misfit the difficulty scale",
    "EH010": "Failed or missing runs",
    "EH011": "Question length goes with difficulty",
    "EH012": "Near-duplicates among the items trained on",
    "EH013": "The form of answers goes with difficulty",
    "EH014": "Zero-shot does not follow the calibrated difficulties",
}

NEXT_STEPS = {
    "EH001": "Calibrate on more respondents, or cut fewer bins.",
    "EH002": "Cut fewer bins, or calibrate on more respondents so that fewer items tie.",
    "EH003": "Do not read these bins as unchanged: evaluate on more items, or choose a model that fits.",
    "EH004": "Hold out part of each bin (held_out: 0.3), or do not read the diagonal as generalisation.",
    "EH005": "Train on equally many examples of each bin, or read row differences as partly size.",
    "EH006": "Use an abler model or easier items, and make sure that the prompt shows the form of an answer.",
    "EH007": "Evaluate on more items per bin, run more seeds, or train more strongly.",
    "EH008": "Raise the maximum length, or drop the examples that do not fit.",
    "EH009": "Look at these items: a wrong key or a second right answer is common among them.",
    "EH010": "Run the study again with --retry-failed: finished runs are kept, only these are repeated.",
    "EH011": "Match the length between bins, or speak of difficulty and length together.",
    "EH012": "Drop one of each pair, or keep both on the same side.",
    "EH013": "Study each form on its own, or speak of difficulty and form together.",
    "EH014": "Compare the study's prompt and scoring with those of the logs that calibrated the items.",
}


def passed(code: str, finding: str) -> Check:
    """The check found nothing."""
    return Check(code, TITLES[code], "passed", finding)


def issue(code: str, finding: str) -> Check:
    """The check found something that can mislead."""
    return Check(code, TITLES[code], "issue", finding, NEXT_STEPS[code])


def tip(code: str, finding: str) -> Check:
    """The check found something worth knowing."""
    return Check(code, TITLES[code], "tip", finding, NEXT_STEPS[code])


def not_applicable(code: str, why: str) -> Check:
    """The check lacks what it looks at; ``why`` is a sentence."""
    return Check(code, TITLES[code], "not applicable", why)
