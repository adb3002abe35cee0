"""Collections, objects, combinations of objects, and sums of their four-vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn, cast

from femtobarn.base.errors import TypesError, UnknownFieldError
from femtobarn.data.formats.model import FIELDS
from femtobarn.physics.language.expr import Expr, Step, describe, index_step
from femtobarn.physics.language.graph import Node, count_of, make
from femtobarn.physics.language.operators import SYSTEM_QUANTITIES


def _no_comparison(self: Any, other: object) -> NoReturn:
    """Raise: objects have many fields."""
    msg = (
        f"{self!r} is compared with {other!r}, but has no value of its own. Compare one of its fields, for "
        "instance .pt > 20; to compare four-vectors use mass() or delta_r()."
    )
    raise TypesError(msg)


class _Symbolic:
    """What cannot be done with things that stand for something else in every event."""

    __slots__ = ()

    __len__ = Expr.__len__
    __iter__ = Expr.__iter__
    __bool__ = Expr.__bool__
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _no_comparison
    __hash__ = object.__hash__


class Things(_Symbolic):
    """The objects of a collection, or one object per event: a name and what was done to it.

    Attributes are fields (``lep.pt``). A collection can be filtered ``lep[lep.pt > 20]``, sliced
    ``lep[:4]`` (an event with fewer is cut) and indexed ``lep[0]``, which gives one object per event.
    ``index`` is the position of an object in the file's list, whatever was done since.
    """

    __slots__ = ("_base", "_steps")
    _base: str
    _steps: tuple[Step, ...]

    def __init__(self, base: str, steps: tuple[Step, ...] = ()) -> None:
        self._base, self._steps = base, steps

    @property
    def many(self) -> bool:
        """Whether there can be any number per event."""
        return not (self._steps and self._steps[-1][0] in {"item", "pick"})

    def __getattr__(self, name: str) -> Expr:
        """Return a field of the objects."""
        if name.startswith("_"):
            raise AttributeError(name)
        derived = DERIVED.get((self._base, name)) or DERIVED.get(("", name))
        path = f"{self._base}.{name}"
        if path not in FIELDS and derived is not None:
            return derived(self)
        if path not in FIELDS:
            raise UnknownFieldError(f"The collection {self._base!r}", name, self.__dir__())
        return Expr(self._apply(make("field", (), (path,))))

    def __dir__(self) -> list[str]:
        """Return the fields."""
        own = [p.split(".", 1)[1] for p, f in FIELDS.items() if f.collection == self._base]
        return sorted({*own, *(n for b, n in DERIVED if b in {"", self._base})})

    def _apply(self, node: Node) -> Node:
        for op, args, params in self._steps:
            node = make(op, (node, *args), params)
        return node

    def _then(self, step: Step) -> Things:
        result = Things(self._base, (*self._steps, step))
        result._axis_node()
        return result

    def _axis_node(self) -> Node:
        return self._apply(make("field", (), (f"{self._base}.pt",)))

    def __getitem__(self, what: Any) -> Things:
        """Return the objects that pass a mask, a range of them, or one of them."""
        self._require_many("an index")
        return self._then(index_step(what))

    def head(self, most: int) -> Things:
        """Return at most the first ``most`` objects; unlike ``[:most]`` fewer are allowed."""
        self._require_many("head()")
        return self._then(("head", (), (most,)))

    def sort(self, by: Expr, *, descending: bool = True) -> Things:
        """Return the objects ordered by ``by``, the greatest first."""
        self._require_many("sort()")
        return self._then(("order", (by.node,), (descending,)))

    def count(self) -> Expr:
        """Return the number of objects of an event."""
        self._require_many("count()")
        return Expr(count_of(self._axis_node()))

    def away_from(self, others: Things, delta_r: Any) -> Things:
        """Return the objects that have none of ``others`` nearer than ``delta_r``.

        Parameters
        ----------
        others
            a collection, or one object per event; nothing is removed where there is none
        delta_r
            a number, or one for each object of this collection
        """
        self._require_many("away_from()")
        mine, theirs = (tuple(getattr(t, f).node for f in ("eta", "phi")) for t in (self, others))
        distance = "nearest_delta_r" if others.many else "delta_r"
        return self[_if_defined(others, Expr(make(distance, (*mine, *theirs))) >= delta_r)]

    def without(self, others: Things | Combinations) -> Things:
        """Return the objects that are not among ``others``: objects or combinations of the same collection.

        Nothing is removed where ``others`` are not defined (too few objects).
        """
        self._require_many("without()")
        left = self
        for member in _members(others):
            if member._base != self._base:  # noqa: SLF001 - same class
                msg = (
                    f"without() removes objects of {self._base!r} from {self!r}, but {member!r} are others. "
                    "Use away_from() for a distance."
                )
                raise TypesError(msg)
            left = left[_if_defined(member, left._differs(member))]
        return left

    def _differs(self, other: Things) -> Expr:
        """Return for each object whether it is none of ``other``: positions in the file tell."""
        mine, theirs = self.index, other.index
        if not other.many:
            return mine != theirs.default(-1)
        # the least distance between numbers on a line; 0 is the object itself
        line = (mine.node, (mine * 0).node, theirs.node, (theirs * 0).node)
        return Expr(make("nearest_delta_r", line)) > 0

    def _require_many(self, doing: str) -> None:
        if not self.many:
            msg = f"{doing} needs a collection, but {self!r} is one object per event."
            raise TypesError(msg)

    def __add__(self, other: Any) -> System:
        """Return the sum of two objects' four-vectors."""
        return System((self, other))

    def __repr__(self) -> str:
        """Return how it would be written."""
        from femtobarn.physics.language.text import collection_text

        return f"<{collection_text(self._axis_node())}>"


class Combinations(_Symbolic):
    """Pairs, triplets, ... of objects: ``first``, ``second``, ``third``, ... are their members.

    Filter with ``pairs[mask]``; `best` chooses one per event.
    """

    __slots__ = ("members",)

    def __init__(self, members: tuple[Things, ...]) -> None:
        self.members = members

    @property
    def first(self) -> Things:
        """The first member of each combination."""
        return self.members[0]

    @property
    def second(self) -> Things:
        """The second member."""
        return self.members[1]

    @property
    def third(self) -> Things:
        """The third member of triplets and larger ones."""
        return self._member(2, "third")

    @property
    def fourth(self) -> Things:
        """The fourth member of quadruplets and larger ones."""
        return self._member(3, "fourth")

    def _member(self, k: int, word: str) -> Things:
        if k >= len(self.members):
            msg = f"Combinations of {len(self.members)} objects have no {word}."
            raise TypesError(msg)
        return self.members[k]

    @property
    def many(self) -> bool:
        """Whether there can be any number per event."""
        return self.first.many

    def __getitem__(self, what: Any) -> Combinations:
        """Return the combinations that pass a mask, a range of them, or one of them."""
        return Combinations(tuple(m[what] for m in self.members))

    def count(self) -> Expr:
        """Return the number of combinations in an event."""
        return self.first.count()

    @property
    def system(self) -> System:
        """The sum of the members' four-vectors."""
        return System(self.members)

    @property
    def mass(self) -> Expr:
        """Invariant mass in GeV of each combination."""
        return self.system.mass

    @property
    def charge(self) -> Expr:
        """Sum of the members' charges."""
        first, *rest = self.members
        total = first.charge
        for member in rest:
            total = total + member.charge
        return total

    def __repr__(self) -> str:
        """Return the members."""
        return f"<combinations of {', '.join(repr(m) for m in self.members)}>"


class System(_Symbolic):
    """A sum of four-vectors: ``(lep[0] + lep[1]).mass``; has mass, pt, eta, phi, rapidity, e, px, py, pz.

    Energies in GeV. The mass of a space-like sum (rounding, or unphysical input) is negative, as in
    ROOT: -sqrt(-m^2).
    """

    __slots__ = ("_parts",)

    def __init__(self, parts: Sequence[Any]) -> None:
        flat: list[Things] = []
        for part in parts:
            flat.extend(_members(part))
        self._parts = tuple(flat)

    def __add__(self, other: Any) -> System:
        """Return the sum with another object or system."""
        return System((self, other))

    def _quantity(self, name: str) -> Expr:
        args = [
            cast("Expr", getattr(part, field)).node
            for part in self._parts
            for field in ("pt", "eta", "phi", "e")
        ]
        if len(self._parts) == 1 and self._parts[0].many:
            return Expr(make("system", args, (name, "all")))
        return Expr(make("system", args, (name, *["each"] * len(self._parts))))

    def __getattr__(self, name: str) -> Expr:
        """Return a quantity of the sum."""
        if name in SYSTEM_QUANTITIES:
            return self._quantity(name)
        if name.startswith("_"):
            raise AttributeError(name)
        raise UnknownFieldError("A sum of four-vectors", name, SYSTEM_QUANTITIES)

    def __dir__(self) -> list[str]:
        """Return the quantities."""
        return list(SYSTEM_QUANTITIES)

    def __repr__(self) -> str:
        """Return the parts."""
        return f"<{' + '.join(repr(p) for p in self._parts)}>"


def _if_defined(others: Things, condition: Expr) -> Expr:
    """Return a condition on objects that holds for all of them in events where ``others`` are not defined."""
    always = make("literal", (), (True, ()))
    defined = make("defined", (others.pt.node,))
    return Expr(make("where", (defined, condition.node, always)))


def _members(part: Any) -> tuple[Things, ...]:
    if isinstance(part, System):
        return part._parts  # noqa: SLF001 - same class
    if isinstance(part, Combinations):
        return part.members
    if isinstance(part, Things):
        return (part,)
    msg = f"Expected objects with a four-vector (lep[0], a pair, a collection), but got {describe(part)}."
    raise TypesError(msg)


DERIVED: dict[tuple[str, str], Callable[[Things], Expr]] = {
    ("lep", "is_electron"): lambda t: t.type == 11,
    ("lep", "is_muon"): lambda t: t.type == 13,
    ("", "index"): lambda t: Expr(t._apply(make("index", (make("field", (), (f"{t._base}.pt",)),)))),  # noqa: SLF001
    ("", "px"): lambda t: System((t,)).px if not t.many else t.pt * Expr(make("cos", (t.phi.node,))),
    ("", "py"): lambda t: System((t,)).py if not t.many else t.pt * Expr(make("sin", (t.phi.node,))),
}
"""Fields made of others, by (collection, name); "" stands for any collection."""
