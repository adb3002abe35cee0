"""What a release offers to a scan: collections of a kind, decisions, discriminants."""

from __future__ import annotations

from femtobarn.data.formats import Format
from femtobarn.data.formats.model import COLLECTIONS, FIELDS
from femtobarn.physics.spectra.fields import FOUR

_PILE_UP = ("jvf", "jvt")  # tell jets of other collisions, not b jets


def collections(kind: str, fmt: Format) -> list[str]:
    """Return the collections of a release from which objects of a kind can be taken."""
    named = (c for c in COLLECTIONS if c == kind or c.startswith(f"{kind}_") or c.endswith(f"_{kind}"))
    return [c for c in named if all(fmt.offers(f"{c}.{f}") for f in FOUR)]


def decisions(collection: str, fmt: Format) -> list[str]:
    """Return the fields of a collection that say yes or no, without its name."""
    paths = [p for p in fmt.paths if FIELDS[p].collection == collection and FIELDS[p].kind == "bool"]
    return [p.removeprefix(f"{collection}.") for p in paths]


def discriminants(collection: str, fmt: Format) -> list[str]:
    """Return the fields of jets that may tell b jets, without the name of the collection."""
    names = (p.removeprefix(f"{collection}.") for p in fmt.paths if FIELDS[p].collection == collection)
    numbers = (n for n in names if FIELDS[f"{collection}.{n}"].kind in {"float", "int"})
    return [
        n for n in numbers if n not in (*FOUR, "m", *_PILE_UP) and not n.startswith(("pt_", "true_", "dl1d_"))
    ]
