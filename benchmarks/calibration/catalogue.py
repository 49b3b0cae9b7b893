"""The peers, one row each. What a package is asked to do stands in its adapter, in the folder ``peers``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PEERS = Path(__file__).resolve().parent / "peers"
CHECKOUT = Path(__file__).resolve().parents[2]
OURS = "easyhard"


@dataclass(frozen=True)
class Peer:
    """A package that calibrates items."""

    name: str  # in file names, in the table and after --peers
    adapter: str  # the script in ``peers`` that runs it
    requirements: str = ""  # the file in ``peers`` that pins it; empty for R
    options: tuple[str, ...] = ()  # after the adapter's own arguments
    python_below: tuple[int, int] | None = None  # the package refuses this Python and newer ones
    r_package: str | None = None
    models: tuple[str, ...] = ("rasch", "2pl")
    most_items: int | None = None  # beyond, there is no hope of an answer in any budget


_CONDITIONAL = 500  # items: conditional likelihood works on functions of all items for every possible total

ALL = (
    Peer(OURS, "fit_easyhard.py", "easyhard.txt"),
    Peer("girth", "fit_girth.py", "girth.txt"),
    Peer("mirt-py", "fit_mirt.py", "mirt-py.txt"),
    Peer("theta-irt", "fit_theta.py", "theta-irt.txt"),
    Peer("py-irt-0.6.5", "fit_py_irt.py", "py-irt-0.6.5.txt", python_below=(3, 12)),
    Peer("py-irt-0.7.1", "fit_py_irt.py", "py-irt-0.7.1.txt", python_below=(3, 12)),
    Peer("torch-measure-mle", "fit_torch_measure.py", "torch-measure.txt", options=("mle",)),
    Peer("torch-measure-svi", "fit_torch_measure.py", "torch-measure.txt", options=("svi",)),
    Peer("mirt-r", "fit_mirt.R", r_package="mirt"),
    Peer("tam-r", "fit_tam.R", r_package="TAM"),
    Peer("erm-r", "fit_erm.R", r_package="eRm", models=("rasch",), most_items=_CONDITIONAL),
    Peer("psychotools-r", "fit_psychotools.R", r_package="psychotools", models=("rasch",), most_items=_CONDITIONAL),
)


def chosen(names: str) -> list[Peer]:
    """The peers named, with commas between; "all" for all."""
    known = {peer.name: peer for peer in ALL}
    if names == "all":
        return list(ALL)
    unknown = [name for name in names.split(",") if name not in known]
    if unknown:
        raise SystemExit(f"no peer is called {unknown[0]!r}. There are: {', '.join(known)}.")
    return [known[name] for name in names.split(",")]
