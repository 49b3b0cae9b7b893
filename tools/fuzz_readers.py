"""Fuzz every reader of result logs, guided by coverage (atheris), from the golden logs of the tests on.

    pip install atheris
    python tools/fuzz_readers.py FOLDER -max_total_time=3600      # fuzz; the same command goes on
    python tools/fuzz_readers.py FOLDER --again FINDING...        # read saved inputs once more

``FOLDER/corpus`` keeps the inputs that led somewhere new and ``FOLDER/findings`` those that broke a promise, one for
each place in the code. Options with one hyphen are libFuzzer's. An input is a byte that picks the reader, and a file.

What must hold, whatever the file: only InputError and WorkError come out; nothing is written, started or unpickled;
a file takes less than 10 seconds and the process stays under 1 GB, both of which libFuzzer sees to (it then stops, and
leaves the input in ``findings``); and every row is kept, passed over, or noted as broken.

Polars ends the whole process on some damaged Parquet files, by asking for more memory than there is; nothing here can
catch that, so their bytes are changed seldom, and their values often.
"""

from __future__ import annotations

import hashlib
import io
import os
import random
import sys
import traceback
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

try:
    import atheris
except ImportError:
    sys.exit("Fuzzing needs atheris: pip install atheris")

ROOT = Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "responses")]

import polars as pl  # noqa: E402

with atheris.instrument_imports(include=["easyhard"]):
    from easyhard.responses.formats.known import FORMATS, Format, format_of
    from easyhard.responses.gather import Gathering
    from easyhard.responses.log import Asked, FileRead
    from easyhard.schema import EasyhardError

DATE = "2024-06-16T23-15-52.736695"
NAMES = {  # where a file of each format would be; any other is called log.txt
    "lm-eval": f"Org__Model/samples_twice_{DATE}.jsonl",
    "leaderboard-v1": f"details_Org__Model/{DATE}/details_harness|arc:challenge|25_{DATE}.parquet",
    "lighteval": f"details/Org/Model/{DATE}/details_leaderboard|arc:challenge|25|0_{DATE}.parquet",
    "inspect": "log.eval",
    "helm": "run/per_instance_stats.json",
}
ASKED = (
    Asked(),
    Asked(metric="acc", threshold=0.5),
    Asked(metric="exact_match", filter="1"),
    Asked(metric="exact_match", filter="flexible-extract", respondent="m"),
    Asked(metric="match"),
    Asked(metric="acc", threshold="graded"),
)
SIZE = 200_000  # bytes of a file, at most
WRITES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.system")
FORBIDDEN = (*WRITES, "subprocess.Popen", "os.exec", "os.posix_spawn", "socket.connect", "pickle.find_class")


class Guard:
    """Notes what is written, started or unpickled while ``on``."""

    def __init__(self) -> None:
        self.on = False
        self.seen: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event in FORBIDDEN or (event == "open" and _writes(*arguments)):
            self.seen.append(f"{event} {arguments!r:.200}")


def _writes(_path: Any, mode: str | None, flags: int) -> bool:
    return bool(set(mode or "") & set("wax+")) or bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))


class Fuzz:
    """Reads inputs one after another, and saves each that breaks a promise in a new place."""

    def __init__(self, findings: Path) -> None:
        self.findings = findings
        self.guard = Guard()
        self.known: set[str] = set()
        scratch = findings.with_name("scratch")
        self.paths = {one.name: scratch / one.name / NAMES.get(one.name, "log.txt") for one in FORMATS}
        for path in self.paths.values():
            path.parent.mkdir(parents=True, exist_ok=True)
        self._beside_helm()

    def _beside_helm(self) -> None:
        run = self.paths["helm"].parent
        (run / "run_spec.json").write_text('{"name": "sums:n=1,model=m", "adapter_spec": {"model": "org/m"}}')
        (run / "instances.json").write_text('[{"id": "id1", "input": {"text": "1?"}, "references": []}]')

    def one(self, data: bytes) -> None:
        """One input."""
        if not data:
            return
        kind, asked = FORMATS[data[0] % len(FORMATS)], ASKED[data[0] // len(FORMATS) % len(ASKED)]
        path = self.paths[kind.name]
        path.write_bytes(data[1:])
        self.guard.seen, self.guard.on = [], True
        try:
            broken_promise = _read(kind, path, asked) or "; ".join(self.guard.seen)
        except EasyhardError as error:
            broken_promise = "" if str(error) and self.guard.seen == [] else f"{error!r} {self.guard.seen}"
        except BaseException as error:
            frames = traceback.extract_tb(error.__traceback__)
            ours = [frame for frame in frames if "easyhard" in frame.filename] or frames
            broken_promise = f"{type(error).__name__} in {ours[-1].name}, line {ours[-1].lineno}: {error!s:.300}"
        finally:
            self.guard.on = False
        if broken_promise:
            self._save(data, kind, broken_promise)

    def _save(self, data: bytes, kind: Format, promise: str) -> None:
        name = f"{kind.name}-{hashlib.sha256(promise.split(':')[0].encode()).hexdigest()[:10]}"
        if name not in self.known:
            self.known.add(name)
            (self.findings / name).write_bytes(data)
            (self.findings / f"{name}.txt").write_text(promise + "\n")
            print(f"FINDING {name}: {promise}", flush=True)


def _read(kind: Format, path: Path, asked: Asked) -> str:
    format_of(path)
    found = kind.read(path, asked)
    promise = _miscounted(kind, found)
    gathering = Gathering()
    for run in found.runs:
        if not len(run.item) == len(run.source_id) == len(run.trial) == len(run.correct):
            return f"columns of unequal length in {kind.name}"
        gathering.add(run)
    if gathering.items:
        gathering.responses("majority", 0.0)
    return promise


def _miscounted(kind: Format, found: FileRead) -> str:
    """What is wrong with the rows counted, "" if nothing is."""
    lines = sum(one.line > 0 for one in found.broken)
    kept = len(found.runs) if kind.name == "py-irt" else sum(len(run.item) for run in found.runs)
    passed = found.rows - kept - lines - found.passed_over
    whole = any(one.line == 0 for one in found.broken)  # the file as a whole: none of its rows is kept
    if passed < 0 or (passed > 0 and kind.name != "helm" and not whole):  # HELM's rows are parts of a response
        return (
            f"miscounted {kind.name}: {found.rows} rows, {kept} kept, {lines} broken, {found.passed_over} passed over"
        )
    return ""


def mutate(data: bytes, size: int, seed: int) -> bytes:
    """A changed input: of an archive a member, of a Parquet file a value, as often as bytes of the whole."""
    chance = random.Random(seed)
    if data[1:3] == b"PK" and chance.random() < 0.7:
        changed = _archive(data[1:], chance)
    elif data[1:5] == b"PAR1" and chance.random() < 0.97:  # of other bytes Polars' parser dies, see above
        changed = _parquet(data[1:], chance)
    else:
        changed = None
    whole = data[:1] + changed if changed is not None else None
    return whole if whole is not None and len(whole) <= size else bytes(atheris.Mutate(data, size))


def _archive(data: bytes, chance: random.Random) -> bytes | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # broken by an earlier change, or in zstd
        return None
    if not members:
        return None
    name = chance.choice(list(members))
    members[name] = bytes(atheris.Mutate(members[name], len(members[name]) + 64))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return packed.getvalue()


def _parquet(data: bytes, chance: random.Random) -> bytes | None:
    try:
        text = msgspec.json.encode(pl.read_parquet(data).to_dicts())
        rows = msgspec.json.decode(atheris.Mutate(text, len(text) + 64))
        packed = io.BytesIO()
        pl.DataFrame(rows, infer_schema_length=None, strict=chance.random() < 0.5).write_parquet(packed)
    except BaseException:  # no JSON any more, no table, or Polars gives up
        return None
    return packed.getvalue()


def seeds() -> Iterator[bytes]:
    """Golden logs, and the simulated ones of formats that have none, each for its reader."""
    from details_trees import flat, structs
    from plain_trees import TEXTS, json_lines, sample
    from test_helm_runs import ROWS

    files: list[tuple[str, bytes]] = []
    for path in sorted((ROOT / "tests" / "responses" / "golden").rglob("*")):
        kind = format_of(path) if path.is_file() else None
        if kind is not None and path.stat().st_size < SIZE:
            files.append((kind.name, path.read_bytes()))
    files += [(name, text.encode()) for name, text in TEXTS.values()]
    files += [("every-eval-ever", json_lines(sample("m", "i", 1), sample("m", "j", 0)).encode())]
    files += [("helm", msgspec.json.encode(ROWS))]
    tables = [("leaderboard-v1", flat(how)) for how in ("columns", "dotted", "struct")]
    for name, table in [*tables, ("lighteval", structs()), ("lighteval", structs("GENERATIVE"))]:
        packed = io.BytesIO()
        table.write_parquet(packed)
        files.append((name, packed.getvalue()))
    number = {known.name: place for place, known in enumerate(FORMATS)}
    for name, data in files:
        for place in range(len(ASKED)):
            yield bytes([number[name] + place * len(FORMATS)]) + data


def main() -> None:
    """Fuzz, or read saved inputs again."""
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    folder, options = Path(sys.argv[1]), sys.argv[2:]
    corpus, findings = folder / "corpus", folder / "findings"
    for made in (corpus, findings):
        made.mkdir(parents=True, exist_ok=True)
    fuzz = Fuzz(findings)
    if options[:1] == ["--again"]:
        for name in options[1:]:
            fuzz.one(Path(name).read_bytes())
        return
    for data in seeds():
        (corpus / hashlib.sha1(data).hexdigest()).write_bytes(data)
    limits = ["-timeout=10", "-rss_limit_mb=1024", f"-max_len={SIZE}", f"-artifact_prefix={findings}/"]
    atheris.Setup([sys.argv[0], str(corpus), *limits, *options], fuzz.one, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
