"""Promises of the response reader: same table, same numbers; a bad table, one clear error."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from easyhard.responses import audit_responses, read_responses, read_responses_audited, write_responses
from easyhard.schema import InputError, Responses

HOSTILE = [
    "../../etc/passwd",
    "two\nlines",
    "<script>alert(1)</script>",
    "quo\"te'd, with comma",
    "模型-7B/é",
    "0007",
    "null",
    "*",
    "^a.*$",
    " padded ",
]

MATRIX = np.array([[1, 0, -1], [0, 1, 1]], dtype=np.int8)
SMALL = Responses(MATRIX, ("ann", "bob"), ("i1", "i2", "i3"))
SMALL_CSV = "respondent,item,correct\nbob,i3,1\nann,i1,1\nann,i2,0\nbob,i1,0\nbob,i2,1\n"

same_file = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)


def assert_same(found: Responses, expected: Responses) -> None:
    assert found.respondents == expected.respondents
    assert found.items == expected.items
    np.testing.assert_array_equal(found.correct, expected.correct)
    assert found.correct.dtype == np.int8


def put(folder: Path, content: str | bytes, name: str = "responses.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# What is read


def test_csv_parquet_and_json_lines_give_the_same_responses_whatever_the_file_is_called(
    tmp_path: Path,
) -> None:
    csv = put(tmp_path, SMALL_CSV, "a.parquet")
    table = pl.read_csv(csv)
    table.write_parquet(tmp_path / "a.csv")
    table.write_ndjson(tmp_path / "lines.txt")
    put(tmp_path, json.dumps(table.to_dicts(), indent=2), "array.json")
    for name in ("a.parquet", "a.csv", "lines.txt", "array.json"):
        assert_same(read_responses(tmp_path / name), SMALL)
        assert_same(read_responses(str(tmp_path / name)), SMALL)


@pytest.mark.parametrize(
    "correct",
    [
        pl.Series([1, 0, 0, 1, 1, None], dtype=pl.Int64),
        pl.Series([1, 0, 0, 1, 1, None], dtype=pl.UInt8),
        pl.Series([1.0, 0.0, -0.0, 1.0, 1.0, None], dtype=pl.Float32),
        pl.Series([True, False, False, True, True, None]),
        pl.Series(["1", "0.0", "FALSE", "True", " 1.0 ", ""]),
        pl.Series(["1", "0", "False", "true", "1.0", None], dtype=pl.Categorical),
    ],
)
def test_every_allowed_spelling_of_correct_reads_alike(tmp_path: Path, correct: pl.Series) -> None:
    names = {
        "respondent": ["ann", "ann", "bob", "bob", "bob", "ann"],
        "item": ["i1", "i2", "i1", "i2", "i3", "i3"],
    }
    pl.DataFrame({**names, "correct": correct}).write_parquet(tmp_path / "r.parquet")
    responses, audit = read_responses_audited(tmp_path / "r.parquet")
    assert_same(responses, SMALL)
    assert (audit.rows, audit.empty_rows) == (6, 1)


def test_mixed_spellings_in_json_lines_read_alike(tmp_path: Path) -> None:
    rows = zip(
        ["ann", "ann", "bob", "bob", "bob"],
        ["i1", "i2", "i1", "i2", "i3"],
        [1, "0", False, 1.0, True],
        strict=True,
    )
    lines = [json.dumps({"respondent": r, "item": i, "correct": c}) for r, i, c in rows]
    assert_same(read_responses(put(tmp_path, "\n\n".join(lines), "r.jsonl")), SMALL)


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum(["ann", "bob", "i1", "i2", "i3"]), pl.String])
def test_every_kind_of_text_column_reads_alike(tmp_path: Path, kind: pl.DataType) -> None:
    table = pl.read_csv(SMALL_CSV.encode()).cast({"respondent": kind, "item": kind})
    table.write_parquet(tmp_path / "r.parquet")
    assert_same(read_responses(tmp_path / "r.parquet"), SMALL)


def test_whole_numbers_are_names_and_csv_names_keep_their_zeros(tmp_path: Path) -> None:
    pl.DataFrame({"respondent": ["m"], "item": [7], "correct": [1]}).write_parquet(tmp_path / "r.parquet")
    assert read_responses(tmp_path / "r.parquet").items == ("7",)
    assert read_responses(put(tmp_path, "respondent,item,correct\n1e5,007,1\n")).items == ("007",)


def test_a_spreadsheet_export_reads_with_its_byte_order_mark_crlf_and_blank_lines(tmp_path: Path) -> None:
    text = "\ufeff" + SMALL_CSV.replace("\n", "\r\n") + "\r\n\r\n"
    responses, audit = read_responses_audited(put(tmp_path, text))
    assert_same(responses, SMALL)
    assert (audit.rows, audit.empty_rows) == (5, 0)


def test_columns_are_renamed_on_the_fly_and_the_others_are_named_in_the_audit(tmp_path: Path) -> None:
    text = SMALL_CSV.replace("respondent", "model").replace("\n", ",x\n").replace("correct,x", "correct,note")
    responses, audit = read_responses_audited(put(tmp_path, text), columns={"respondent": "model"})
    assert_same(responses, SMALL)
    assert audit.ignored_columns == ("note",)


def test_several_files_read_as_one(tmp_path: Path) -> None:
    header, *rows = SMALL_CSV.splitlines()
    parts = [put(tmp_path, "\n".join([header, *some]), f"{n}.csv") for n, some in enumerate([rows[:2], rows[2:]])]
    for order in (parts, parts[::-1]):
        assert_same(read_responses(order), SMALL)


def test_a_star_in_a_file_name_is_only_a_star(tmp_path: Path) -> None:
    put(tmp_path, "not,the,file\n1,2,3\n", "ab.csv")
    assert_same(read_responses(put(tmp_path, SMALL_CSV, "a*.csv")), SMALL)


def test_hostile_names_come_back_unharmed(tmp_path: Path) -> None:
    names = tuple(sorted(HOSTILE))
    correct = np.random.default_rng(3).integers(0, 2, (len(names), len(names))).astype(np.int8)
    with_nul = Responses(MATRIX, ("a\0", "b"), ("i1", "i2", "i3"))
    write_responses(with_nul, tmp_path / "r.parquet")
    assert_same(read_responses(tmp_path / "r.parquet"), with_nul)
    write_responses(Responses(correct, names, names), tmp_path / "r.parquet")
    assert_same(read_responses(tmp_path / "r.parquet"), Responses(correct, names, names))
    pl.read_parquet(tmp_path / "r.parquet").write_csv(tmp_path / "r.csv")
    assert_same(read_responses(tmp_path / "r.csv"), Responses(correct, names, names))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.csv", "r.parquet"]


names_strategy = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip),
    min_size=1,
    max_size=5,
    unique=True,
)


@same_file
@given(respondents=names_strategy, items=names_strategy, data=st.data())
def test_order_of_rows_changes_nothing_and_writing_loses_nothing(
    tmp_path: Path, respondents: list[str], items: list[str], data: st.DataObject
) -> None:
    size = len(respondents) * len(items)
    codes = data.draw(st.lists(st.sampled_from([0, 1]), min_size=size, max_size=size))
    correct = np.array(codes, dtype=np.int8).reshape(len(respondents), len(items))
    given_order = Responses(correct, tuple(respondents), tuple(items))
    write_responses(given_order, tmp_path / "r.parquet")
    first = read_responses(tmp_path / "r.parquet")
    assert first.respondents == tuple(sorted(respondents))
    assert first.items == tuple(sorted(items))
    for r, respondent in enumerate(respondents):
        for i, item in enumerate(items):
            assert first.correct[first.respondents.index(respondent), first.items.index(item)] == correct[r, i]
    shuffled = given_order.frame()[data.draw(st.permutations(range(size)))]
    shuffled.write_parquet(tmp_path / "r.parquet")
    assert_same(read_responses(tmp_path / "r.parquet"), first)


# The audit


def test_the_audit_counts_what_deserves_a_look(tmp_path: Path) -> None:
    text = (
        "respondent,item,correct,when\nann,easy,1,x\nann,hard,0,x\nann,i,0,x\nbob,easy,1,x\nbob,hard,0,x\n"
        "bob,i,1,x\ncyd,easy,1,x\ncyd,i,,x\ndan,i,,x\nann,void,,x\neve,hard,0,x\n"
    )
    path = put(tmp_path, text)
    responses, audit = read_responses_audited(path)
    assert audit.files == (str(path),)
    assert (audit.rows, audit.empty_rows, audit.respondents, audit.items) == (11, 3, 4, 3)
    assert audit.missing_share == pytest.approx(4 / 12)
    assert audit.all_correct_items == ("easy",)
    assert audit.none_correct_items == ("hard",)
    assert audit.all_correct_respondents == ("cyd",)
    assert audit.none_correct_respondents == ("eve",)
    assert audit.items_without_response == ("void",)
    assert audit.respondents_without_response == ("dan",)
    assert audit.ignored_columns == ("when",)
    assert responses.respondents == ("ann", "bob", "cyd", "eve")


def test_the_audit_can_be_had_as_a_table_and_as_json() -> None:
    audit = audit_responses(SMALL, files=("a.csv",), rows=5)
    table = audit.frame()
    assert table.columns == ["finding", "value", "names"]
    assert dict(table.select("finding", "value").iter_rows())["missing share"] == "0.167"
    assert table.row(0) == ("files", "1", "'a.csv'")
    assert json.loads(json.dumps(audit.as_dict()))["items"] == 3


# What is refused: the finding, the place, the next step

HEADER = "respondent,item,correct\n"

REFUSED: dict[str, tuple[str | bytes, list[str]]] = {
    "empty file": ("", ["is empty: 0 bytes", "Give a file with rows"]),
    "blank file": ("\n\n", ["could not be read as a table", "Check that it is complete"]),
    "header only": (HEADER, ["has a header ('respondent', 'item', 'correct') but no rows"]),
    "only blank lines": (HEADER + "\n\n", ["but no rows"]),
    "all missing": (HEADER + "m,i,\nm,j,\n", ["no response in 2 rows", "every cell of 'correct' is empty"]),
    "value 2": (
        HEADER + "m,i,1\nm,j,2\nm,k,2\n",
        ["2 cells of 'correct'", "(first: '2' in row 2)", "Write 1 or true"],
    ),
    "value 0.5": (HEADER + "m,i,0.5\n", ["1 cell of", "'0.5' in row 1", "--threshold or --graded"]),
    "value yes": (HEADER + "m,i,yes\n", ["'yes' in row 1", "leave the cell empty for no response"]),
    "value NaN": (HEADER + "m,i,NaN\n", ["'NaN' in row 1"]),
    "no respondent name": (
        HEADER + "m,i,1\n,i,1\n",
        ["1 row of", "without a name for the respondent", "row 2"],
    ),
    "blank item name": (
        HEADER + 'm,"  ",1\n',
        ["without a name for the item (first: row 1)", "Name each one"],
    ),
    "identical repeats": (
        HEADER + "m,i,1\nm,j,1\nm,i,1\n",
        [
            "1 pair of respondent and item",
            "0 of them contradictory",
            "'m' on 'i', row 1 of",
            "row 3 of",
            "Keep one row",
        ],
    ),
    "contradictory repeats": (
        HEADER + "m,i,1\nm,i,0\nm,j,1\nm,j,1\n",
        ["2 pairs", "1 of them contradictory", "'model/run-2'"],
    ),
    "the real tables' name": (
        "model,item,correct\nm,i,1\n",
        [
            "has no column 'respondent'; it has 'model', 'item', 'correct'",
            "Did you mean 'model'?",
            "columns={'respondent': 'model'}",
            "--column respondent=model",
        ],
    ),
    "misspelt": ("respondent,item,Corect\nm,i,1\n", ["no column 'correct'", "Did you mean 'Corect'?"]),
    "all wrong": ("a,b\n1,2\n", ["no column 'respondent', 'item', 'correct'; it has 'a', 'b'", "THEIRS"]),
    "wide": (",".join(f"q{n}" for n in range(300)) + "\n" + "1," * 299 + "1\n", ["'q7' and 292 more"]),
    "semicolons": ("respondent;item;correct\nm;i;1\n", ["not to be separated by commas"]),
    "repeated column": (
        "respondent,item,correct,correct\nm,i,1,0\n",
        ["two columns called 'correct'", "Rename"],
    ),
    "ragged": (HEADER + "m,i,1,9,9\n", ["could not be read as a table", "found more fields"]),
    "not UTF-8": (HEADER.encode() + b"m\xff,i,1\n", ["could not be read as a table", "UTF-8"]),
    "UTF-16": (
        SMALL_CSV.encode("utf-16"),
        ["neither Parquet nor text in UTF-8 (it holds NUL bytes)", "save it as"],
    ),
    "damaged Parquet": (
        b"PAR1" + b"\x07" * 60,
        ["could not be read as a table in CSV, Parquet or JSON lines"],
    ),
    "broken JSON": ('{"respondent": "m"\n', ["could not be read", "JSON"]),
    "JSON lines, cut": (
        '{"respondent": "m", "item": "i", "correct": 1}\n\n{"respondent": "m", "item": "j", "corr',
        ["could not be read as JSON lines: line 3 is no JSON object", "the file was cut: fetch it again"],
    ),
    "JSON, no table": ("[1, 2]", ["could not be read"]),
    "JSON, no row": ("[]", ["has no column"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_table_is_refused_with_finding_place_and_next_step(tmp_path: Path, case: str) -> None:
    content, expected = REFUSED[case]
    path = put(tmp_path, content)
    with pytest.raises(InputError) as caught:
        read_responses(path)
    message = str(caught.value)
    assert str(path) in message
    for part in expected:
        assert part in message


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("correct", pl.Series([float("nan")]), "(first: nan in row 1)"),
        ("correct", pl.Series([-1]), "(first: -1 in row 1)"),
        ("correct", pl.Series([[1]]), "column 'correct' of"),
        ("item", pl.Series([1.5]), "column 'item' of"),
        ("respondent", pl.Series([None], dtype=pl.Null), "without a name for the respondent"),
    ],
)
def test_a_bad_parquet_column_is_refused(tmp_path: Path, column: str, values: pl.Series, expected: str) -> None:
    good = pl.DataFrame({"respondent": ["m"], "item": ["i"], "correct": [1]})
    good.with_columns(values.alias(column)).write_parquet(tmp_path / "r.parquet")
    with pytest.raises(InputError) as caught:
        read_responses(tmp_path / "r.parquet")
    assert expected in str(caught.value)


def test_a_cut_parquet_file_is_refused(tmp_path: Path) -> None:
    write_responses(SMALL, tmp_path / "r.parquet")
    whole = (tmp_path / "r.parquet").read_bytes()
    with pytest.raises(InputError, match="could not be read as a table"):
        read_responses(put(tmp_path, whole[:-20], "cut.parquet"))


def test_a_missing_file_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    put(tmp_path, SMALL_CSV, "responses.csv")
    with pytest.raises(InputError, match=r"is not there\. Did you mean 'responses\.csv'\? Check the path\."):
        read_responses(tmp_path / "response.csv")
    with pytest.raises(InputError, match="nor is its folder"):
        read_responses(tmp_path / "nowhere" / "responses.csv")
    with pytest.raises(InputError, match=r"is a folder\. Name a file in it\."):
        read_responses(tmp_path)
    with pytest.raises(InputError, match="no file of responses was given"):
        read_responses([])


def test_repeats_are_found_across_files(tmp_path: Path) -> None:
    one, two = put(tmp_path, SMALL_CSV, "one.csv"), put(tmp_path, HEADER + "new,i1,1\nann,i1,0\n", "two.csv")
    with pytest.raises(InputError) as caught:
        read_responses([one, two])
    assert f"'ann' on 'i1', row 2 of {one} and row 2 of {two}" in str(caught.value)


def test_a_wrong_renaming_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path, SMALL_CSV.replace("respondent", "model"))
    with pytest.raises(InputError, match=r"columns names 'respondant'.*Did you mean 'respondent'"):
        read_responses(path, columns={"respondant": "model"})
    with pytest.raises(InputError, match=r"no column 'modle'.*Did you mean 'model'"):
        read_responses(path, columns={"respondent": "modle"})
    with pytest.raises(InputError, match="reads the file's column 'item' twice"):
        read_responses(path, columns={"respondent": "item"})


cell = st.sampled_from(["m", "i", "1", "0", "", "true", '"', '""', "\n", "\r", ",", ";", "\0", "é", "2", "nan", " "])
near_csv = st.lists(cell, max_size=30).map(lambda cells: (HEADER + "".join(cells)).encode())
rows_csv = st.lists(st.tuples(cell, cell, cell).map(",".join), max_size=12).map(
    lambda rows: (HEADER + "\n".join(rows)).encode()
)


@same_file
@given(
    content=st.one_of(near_csv, rows_csv, st.binary(max_size=200), st.binary(max_size=60).map(HEADER.encode().__add__))
)
def test_any_bytes_give_responses_or_an_input_error(tmp_path: Path, content: bytes) -> None:
    path = put(tmp_path, content)
    try:
        responses = read_responses(path)
    except InputError as error:
        assert str(path) in str(error)
    else:
        assert set(np.unique(responses.correct)) <= {-1, 0, 1}


@settings(same_file, derandomize=True)  # Polars aborts on rare damage
@given(start=st.integers(0, 600), junk=st.binary(min_size=1, max_size=40))
def test_a_damaged_parquet_file_gives_responses_or_an_input_error(tmp_path: Path, start: int, junk: bytes) -> None:
    write_responses(SMALL, tmp_path / "r.parquet")
    whole = bytearray((tmp_path / "r.parquet").read_bytes())
    whole[start : start + len(junk)] = junk
    path = put(tmp_path, bytes(whole), "damaged.parquet")
    try:
        read_responses(path)
    except InputError as error:
        assert str(path) in str(error)
