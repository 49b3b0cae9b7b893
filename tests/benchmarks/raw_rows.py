"""Rows in the shape that each benchmark's source has, with questions made up for these tests."""

from __future__ import annotations

from typing import Any

ARC = {
    "id": "Made_Up_1",
    "question": "Which of these would a gardener use to water a row of beans?",
    "choices": {"text": ["a rake", "a spade", "a can", "a glove"], "label": ["A", "B", "C", "D"]},
    "answerKey": "C",
}
ARC_DIGITS = ARC | {
    "id": "Made_Up_2",
    "question": "What melts first in the sun?",
    "choices": {"text": ["a brick", "a snowball", "a coin"], "label": ["1", "2", "3"]},
    "answerKey": "2",
}
GSM8K = {
    "question": "Ines bakes 3 trays of 6 rolls and gives 4 rolls away. How many rolls has she left?",
    "answer": "Ines bakes 3 * 6 = <<3*6=18>>18 rolls.\nShe has 18 - 4 = <<18-4=14>>14 rolls left.\n#### 14",
}
MMLU_PRO = {
    "question_id": 9,
    "question": "Which colour has the longest wavelength?",
    "options": ["violet", "N/A", "green", "red", "N/A"],
    "answer": "D",
    "answer_index": 3,
    "cot_content": "",
    "category": "physics",
    "src": "made-up",
}
BBH = {
    "boolean_expressions": {"input": "( False or True ) and True is", "target": "True"},
    "navigate": {"input": "Take 2 steps. Turn around. Take 2 steps. Are you at the start?", "target": "Yes"},
    "object_counting": {"input": "I have two pears and one fig. How many fruits have I?", "target": "3"},
    "formal_fallacies": {"input": "All A are B. x is A. So x is B. Valid or invalid?", "target": "valid"},
    "date_understanding": {
        "input": "Today is 1 May 2001. What is tomorrow?\nOptions:\n(A) 05/02/2001\n(B) 04/30/2001",
        "target": "(A)",
    },
}
MATH = {
    "problem": "Find $x$ if $\\frac{x}{3} = 1$.",
    "level": "Level 5",
    "type": "Algebra",
    "solution": "So $\\boxed{x}$ is three times one: $x = \\boxed{\\frac{6}{2}}$.",
}
MUSR = {
    "narrative": "Ola left the key in the drawer. Per moved it to the shelf while she slept.",
    "question": "Where would Ola look for the key?",
    "choices": "['drawer', 'shelf']",
    "answer_index": 0,
    "answer_choice": "drawer",
}
GPQA = {
    "Question": "Which gas fills this invented balloon?",
    "Correct Answer": "helium ",
    "Incorrect Answer 1": "neon",
    "Incorrect Answer 2": "argon",
    "Incorrect Answer 3": "krypton\n",
    "Explanation": "The balloon rises.",
    "Subdomain": "Invented chemistry",
    "Writer's Difficulty Estimate": "Easy undergraduate level (or easier)",
}
IFEVAL = {
    "key": 7,
    "prompt": "Describe a bridge in 40 words or more, without commas.",
    "instruction_id_list": ["length_constraints:number_words", "punctuation:no_comma"],
    "kwargs": [
        {"relation": "at least", "num_words": 40, "num_highlights": None},
        {"relation": None, "num_words": None, "num_highlights": None},
    ],
}
ROWS: dict[str, dict[str, Any]] = {
    "arc_challenge": ARC,
    "gsm8k": GSM8K,
    "mmlu_pro": MMLU_PRO,
    "bbh": BBH["navigate"] | {"subset": "navigate"},
    "math": MATH,
    "musr": MUSR | {"subset": "object_placements"},
    "gpqa_extended": GPQA,
    "ifeval": IFEVAL,
}
TASKS = {  # of the lm-evaluation-harness, as the leaderboard or the harness runs them
    "arc_challenge": "arc_challenge",
    "gsm8k": "gsm8k",
    "mmlu_pro": "leaderboard_mmlu_pro",
    "bbh": "leaderboard_bbh_navigate",
    "math": "leaderboard_math_algebra_hard",
    "musr": "leaderboard_musr_object_placements",
    "gpqa_extended": "leaderboard_gpqa_extended",
    "ifeval": "leaderboard_ifeval",
}
