"""The benchmarks that are known by name: one row each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from easyhard.benchmarks.benchmark import Benchmark, Fields, Source, Text
from easyhard.benchmarks.spec import BenchmarkSpec

# The 21 of BIG-Bench Hard's 27 subtasks that have 250 items and are on the Open LLM Leaderboard.
BBH_SUBSETS = (
    "boolean_expressions",
    "date_understanding",
    "disambiguation_qa",
    "formal_fallacies",
    "geometric_shapes",
    "hyperbaton",
    "logical_deduction_five_objects",
    "logical_deduction_seven_objects",
    "logical_deduction_three_objects",
    "movie_recommendation",
    "navigate",
    "object_counting",
    "reasoning_about_colored_objects",
    "ruin_names",
    "salient_translation_error_detection",
    "sports_understanding",
    "temporal_sequences",
    "tracking_shuffled_objects_five_objects",
    "tracking_shuffled_objects_seven_objects",
    "tracking_shuffled_objects_three_objects",
    "web_of_lies",
)
MUSR_FILES = {  # the file of the first subset is in the singular
    "murder_mysteries": "murder_mystery.csv",
    "object_placements": "object_placements.csv",
    "team_allocation": "team_allocation.csv",
}
LETTERED = "Question: {question}\n{choices}\nAnswer:\n"
QUESTION = Text(("question",))
SUBSET = {"subset": Text(("subset",))}  # a column that loading adds

ARC_CHALLENGE = Benchmark(
    BenchmarkSpec("arc_challenge", "choices", LETTERED, completion="{letter}"),
    Source(
        "allenai/ai2_arc",
        "210d026faf9955653af8916fad021475a3f00453",
        "test",
        {"": "ARC-Challenge/test-*.parquet"},
        rows=1172,
    ),
    Fields(QUESTION, Text(("answerKey",)), "label", ("choices",)),
    task="arc_challenge",
    metric="acc_norm",
    licence="CC BY-SA 4.0",
    homepage="https://huggingface.co/datasets/allenai/ai2_arc",
    citation="Clark et al. (2018), arXiv:1803.05457",
)

GSM8K = Benchmark(
    BenchmarkSpec(
        "gsm8k",
        "last_number",
        "Q: {question}\nA:\n",
        completion="{solution}\nSo the answer is {answer}",
        max_new_tokens=512,  # the longest solutions have about 300 tokens
    ),
    Source(
        "openai/gsm8k",
        "cc7b047b6e5bb11b4f1af84efc572db110a51b3c",
        "test",
        {"": "main/test-*.parquet"},
        rows=1319,
    ),
    Fields(
        QUESTION,
        Text(("answer",), find=r"(?m)^####[^\S\n]*(.+)$"),
        solution=Text(("answer",), remove=(r"<<[^<>\n]*>>", r"(?m)^####.*$")),
    ),
    task="gsm8k",
    metric="acc",
    licence="MIT",
    homepage="https://huggingface.co/datasets/openai/gsm8k",
    citation="Cobbe et al. (2021), arXiv:2110.14168",
)

MMLU_PRO = Benchmark(
    BenchmarkSpec("mmlu_pro", "first_letter", LETTERED, completion="{letter}", max_new_tokens=32),
    Source(
        "TIGER-Lab/MMLU-Pro",
        "b189ec765aa7ed75c8acfea42df31fdae71f97be",
        "test",
        {"": "data/test-*.parquet"},
        rows=12032,
    ),
    Fields(
        QUESTION,
        Text(("answer",)),
        "label",
        ("options",),
        no_choice=("N/A",),
        covariates={"category": Text(("category",))},
    ),
    task="leaderboard_mmlu_pro",
    metric="acc",
    licence="MIT",
    homepage="https://huggingface.co/datasets/TIGER-Lab/MMLU-Pro",
    citation="Wang et al. (2024), arXiv:2406.01574",
)

BBH = Benchmark(
    BenchmarkSpec("bbh", "typed", "Q: {question}\nA:", max_new_tokens=32),
    Source(
        "SaylorTwift/bbh",
        "b5306be6f827cfafbb545ff5a51f96916029b0fd",
        "test",
        {subset: f"*{subset}*.parquet" for subset in BBH_SUBSETS},  # no subset's name is within another's
        rows=5250,
    ),
    Fields(Text(("input",)), Text(("target",)), covariates=SUBSET),
    task="leaderboard_bbh_{subset}",
    metric="acc_norm",
    licence="MIT",
    homepage="https://github.com/suzgunmirac/BIG-Bench-Hard",
    citation="Suzgun et al. (2022), arXiv:2210.09261",
)

MATH = Benchmark(
    BenchmarkSpec("math", "math", "Problem:\n{question}\n\nAnswer:", max_new_tokens=1024),
    Source(
        "DigitalLearningGmbH/MATH-lighteval",
        "0530c78699ea5e8eb5530600900e1f328b48acad",
        "test",
        {"": "data/test-*.parquet"},
        rows=1324,
    ),
    Fields(
        Text(("problem",)),
        Text(("solution",), take="boxed"),
        solution=Text(("solution",)),
        covariates={"level": Text(("level",)), "subject": Text(("type",))},
        only={"level": "Level 5"},
    ),
    task="leaderboard_math_hard",
    metric="exact_match",
    licence="MIT",
    homepage="https://huggingface.co/datasets/DigitalLearningGmbH/MATH-lighteval",
    citation="Hendrycks et al. (2021), arXiv:2103.03874",
)

MUSR = Benchmark(
    BenchmarkSpec("musr", "choices", "{question}\n\n{choices}\nAnswer:", choice="{number} - {answer}"),
    Source("TAUR-Lab/MuSR", "7c365b439a222150f317764d4f16ae6c96d7d94a", "test", MUSR_FILES, rows=756),
    Fields(Text(("narrative", "question")), Text(("answer_index",)), "place", ("choices",), covariates=SUBSET),
    task="leaderboard_musr_{subset}",
    metric="acc_norm",
    licence="CC BY 4.0",
    homepage="https://huggingface.co/datasets/TAUR-Lab/MuSR",
    citation="Sprague et al. (2024), arXiv:2310.16049",
)

GPQA_EXTENDED = Benchmark(
    BenchmarkSpec("gpqa_extended", "choices", LETTERED, completion="({letter})"),
    Source(
        "Idavidrein/gpqa",
        "633f5ee89ab8ad4522a9f850766b73f62147ffdd",
        "train",
        {"": "gpqa_extended.csv"},
        rows=546,
    ),
    Fields(
        Text(("Question",)),
        Text(("Correct Answer",)),
        choices=("Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3"),
        order="by content",
        solution=Text(("Explanation",)),
        covariates={
            "subject": Text(("Subdomain",)),
            "expert_level": Text(("Writer's Difficulty Estimate",)),
        },
    ),
    task="leaderboard_gpqa_extended",
    metric="acc_norm",
    licence="CC BY 4.0, gated: its authors ask that no example be shown in plain text on the web",
    republish=False,
    homepage="https://huggingface.co/datasets/Idavidrein/gpqa",
    citation="Rein et al. (2023), arXiv:2311.12022",
)

IFEVAL = Benchmark(
    BenchmarkSpec("ifeval", "instructions", "{question}", completion="{solution}", max_new_tokens=1280),
    Source(
        "google/IFEval",
        "966cd89545d6b6acfd7638bc708b98261ca58e84",
        "train",
        {"": "ifeval_input_data.jsonl"},
        rows=541,
    ),
    Fields(
        Text(("prompt",)),
        Text(("instruction_id_list", "kwargs"), take="instructions"),
        solution=Text(("answer",)),  # not in the source, which has no texts to learn from
        covariates={"instructions": Text(("instruction_id_list",), take="count")},
    ),
    task="leaderboard_ifeval",
    metric="prompt_level_strict_acc",
    licence="Apache 2.0",
    homepage="https://huggingface.co/datasets/google/IFEval",
    citation="Zhou et al. (2023), arXiv:2311.07911",
)

BENCHMARKS: Mapping[str, Benchmark] = MappingProxyType(
    {
        benchmark.name: benchmark
        for benchmark in (ARC_CHALLENGE, GSM8K, MMLU_PRO, BBH, MATH, MUSR, GPQA_EXTENDED, IFEVAL)
    }
)
