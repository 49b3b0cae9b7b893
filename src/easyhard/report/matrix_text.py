"""The matrix as a table for a paper or a page: LaTeX and Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from easyhard.report.heat_map import heat_map_table
from easyhard.report.text import plain
from easyhard.schema import GeneralizationMatrix

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "−": r"$-$", "±": r"$\pm$", "†": r"$^\dagger$",
    "–": "--",
}  # fmt: skip


def matrix_markdown(matrix: GeneralizationMatrix) -> str:
    """One Markdown table per model: rows trained on, columns evaluated on; gains in points, half the interval after ±.

    The first row is zero-shot accuracy. Bold: the 95% interval, taken cell by cell, excludes zero. † marks what was
    evaluated on the very items it was trained on. With several models a list of what they say together follows.
    """
    tables = [_markdown(model, rows, columns) for model, rows, columns in _tables(matrix, "**{}**".format)]
    together = [f"- {sentence}" for sentence in matrix.over_models["sentence"]] if len(matrix.over_models) else []
    return "\n".join([*tables, *(["**The models together**", "", *together, ""] if together else [])])


def matrix_latex(matrix: GeneralizationMatrix) -> str:
    """The same as LaTeX ``tabular``, for the package booktabs; whatever LaTeX would read in a name is escaped."""
    tables = _tables(matrix, lambda text: rf"\textbf{{{_escaped(text)}}}", _escaped)
    return "\n".join(_latex(model, rows, columns) for model, rows, columns in tables)


_Table = tuple[str, list[list[str]], list[str]]


def _tables(
    matrix: GeneralizationMatrix, bold: Callable[[str], str], escaped: Callable[[str], str] = str
) -> list[_Table]:
    found = []
    for one in heat_map_table(matrix).partition_by("model", maintain_order=True):
        columns = sorted(one["evaluated_on"].unique().to_list(), key=int)
        rows = []
        for row in one.partition_by("trained_on", maintain_order=True):
            cells = {cell["evaluated_on"]: _cell(cell, bold, escaped) for cell in row.iter_rows(named=True)}
            name = row["trained_on"][0]
            label = f"bin {name}" if name.isdecimal() else name
            rows.append([escaped(plain(label)), *(cells.get(column, escaped("–")) for column in columns)])
        found.append((escaped(plain(one["model"][0])), rows, columns))
    return found


def _cell(cell: dict[str, object], bold: Callable[[str], str], escaped: Callable[[str], str]) -> str:
    if cell["status"] != "done":
        return escaped(str(cell["status"]))
    if cell["look"] == "zero_shot":
        return escaped(str(cell["label"]))
    text = f"{cell['label']}{_half(str(cell['interval']))}"
    return bold(text) if cell["look"] == "clear" else escaped(text)


def _half(interval: str) -> str:
    """Half the width of ``+8.1 to +16.4``, as `` ±4``."""
    if " to " not in interval:
        return ""
    low, high = (float(part.replace("−", "-")) for part in interval.split(" to "))
    return f" ±{(high - low) / 2:.0f}"


def _markdown(model: str, rows: Sequence[Sequence[str]], columns: Sequence[str]) -> str:
    cells = [["trained on", *(f"bin {column}" for column in columns)], ["---", *("---:" for _ in columns)], *rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]
    return "\n".join([f"**{model.replace('*', '')}**", "", *lines, ""])


def _latex(model: str, rows: Sequence[Sequence[str]], columns: Sequence[str]) -> str:
    head = " & ".join(["trained on", *(f"bin {column}" for column in columns)])
    lines = [" & ".join(row) + r" \\" for row in rows]
    return "\n".join(
        [
            f"% {model}",
            rf"\begin{{tabular}}{{l{'r' * len(columns)}}}",
            r"\toprule",
            head + r" \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in text)
