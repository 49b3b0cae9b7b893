"""Whatever the bytes, reading Inspect's and HELM's files ends in a run, a counted broken row, or an InputError."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from test_helm_runs import ROWS, folder
from test_inspect_logs import SAMPLES, plain, zipped

from easyhard.responses.formats import helm, inspect_log
from easyhard.responses.log import Asked
from easyhard.schema import InputError

PIECES = st.sampled_from([b"", b"\xff", b"null", b"[" * 5000, b"9" * 400, b"NaN", b'"', b"{}", b"\0\0\0\0"])


@settings(max_examples=150, deadline=None)
@given(st.floats(0, 1), st.integers(0, 40), PIECES)
def test_damaged_bytes_never_end_in_a_bare_traceback(place: float, gone: int, piece: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        for read, path in (
            (inspect_log.read, plain(Path(name), SAMPLES)),
            (inspect_log.read, zipped(Path(name))),
            (helm.read, folder(Path(name), ROWS)),
        ):
            data = path.read_bytes()
            at = int(place * len(data))
            path.write_bytes(data[:at] + piece + data[at + gone :])
            with contextlib.suppress(InputError):
                found = read(path, Asked(metric="match" if read is inspect_log.read else "exact_match"))
                rows = sum(one.line > 0 for one in found.broken) + sum(len(run.item) for run in found.runs)
                assert found.rows >= rows
