"""Write tests/irt/reference/*.json: small data sets and what other packages estimate from them.

Needs R with eRm, psychotools and jsonlite (Debian: r-cran-erm r-cran-psychotools r-cran-jsonlite), and
girth==0.8.0 and mirt==1.2.0 from PyPI. Run from the repository:

    PYTHONPATH=tests/irt python tools/reference/make_reference.py
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from lsat import LSAT6_COUNTS, LSAT7_COUNTS, expand
from marginal import fit_with_girth, fit_with_mirt

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
Responses = npt.NDArray[np.int8]
SYMBOLS = {-1: ".", 0: "0", 1: "1"}


def main() -> None:
    """Write one file per data set."""
    target = REPOSITORY / "tests" / "irt" / "reference"
    target.mkdir(exist_ok=True)
    for name, (recipe, responses) in data_sets().items():
        print(name, flush=True)
        reference = {
            "recipe": recipe,
            "patterns": count_patterns(responses),
            **fit_conditionally(responses),
            "mirt": fit_with_mirt(responses),
        }
        if (responses >= 0).all():  # girth takes the items seen for a fair sample, which is another estimator
            reference["girth"] = fit_with_girth(responses)
        (target / f"{name}.json").write_text(write(reference))


def data_sets() -> dict[str, tuple[str, Responses]]:
    """Name -> (recipe, responses)."""
    complete = simulate(1, 300, np.ones(12))
    holes = simulate(2, 300, np.ones(12))
    holes[np.random.default_rng(3).random(holes.shape) < 0.2] = -1
    slopes = np.exp(np.random.default_rng(4).normal(0, 0.3, 10))
    rasch = "numpy default_rng(%d): abilities normal(0.3, 1.2), difficulties from -2 to 2 in equal steps"
    return {
        "rasch_complete": (rasch % 1, complete),
        "rasch_missing": (rasch % 2 + "; 20% set missing by default_rng(3)", holes),
        "two_parameter": (
            rasch % 5 + "; log-discriminations normal(0, 0.3) by default_rng(4)",
            simulate(5, 400, slopes),
        ),
        "lsat6": ("Law School Admission Test, section 6", expand(LSAT6_COUNTS)),
        "lsat7": ("Law School Admission Test, section 7", expand(LSAT7_COUNTS)),
    }


def simulate(seed: int, n_respondents: int, slope: npt.NDArray[np.float64]) -> Responses:
    rng = np.random.default_rng(seed)
    ability = rng.normal(0.3, 1.2, n_respondents)
    logit = slope * (ability[:, None] - np.linspace(-2, 2, len(slope)))
    return (rng.random(logit.shape) < 1 / (1 + np.exp(-logit))).astype(np.int8)


def count_patterns(responses: Responses) -> dict[str, int]:
    """Pattern of answers (1, 0 and . for missing) -> how many respondents gave it."""
    return dict(sorted(Counter("".join(SYMBOLS[value] for value in row) for row in responses.tolist()).items()))


def fit_conditionally(responses: Responses) -> dict[str, Any]:
    """What conditional.R prints."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "responses.csv"
        np.savetxt(path, responses, fmt="%d", delimiter=",")
        script = ["Rscript", "--vanilla", str(HERE / "conditional.R"), str(path)]
        done = subprocess.run(script, check=True, capture_output=True, text=True)
    fits: dict[str, Any] = json.loads(done.stdout)
    return fits


def write(reference: dict[str, Any]) -> str:
    """JSON with one line per package and one for the patterns."""
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in reference.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    main()
