"""Variations that differ in numbers or fields only: one piece of code for all of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from femtobarn.data.formats.model import FIELDS
from femtobarn.physics.language.fused.lower import Externals, Lowered, Lowering, is_external
from femtobarn.physics.language.fused.terms import Terms
from femtobarn.physics.language.graph import Node, walk

Replacement = Mapping[Node, Node]


@dataclass(frozen=True, slots=True)
class Varied:
    """Variations that share their form.

    Parameters
    ----------
    members
        their positions among the variations of the analysis
    replaced
        what stands in place of which node
    substitutes
        the same as nodes, for a single variation
    numbers
        per parameter one number for each member
    fields
        per field parameter one field of the event model for each member
    """

    members: tuple[int, ...]
    replaced: Mapping[Node, Lowered]
    substitutes: Replacement | None
    numbers: tuple[tuple[float, ...], ...]
    fields: tuple[tuple[str, ...], ...]


def grouped(
    variations: Mapping[int, Replacement], roots: Sequence[Node], terms: Terms, externals: Externals
) -> list[Varied]:
    """Return the groups of ``variations``, in the order of their first members.

    Parameters
    ----------
    variations
        by position, what is replaced by what; only nodes that occur below ``roots``
    roots
        all that is evaluated; what the reference evaluator does below a replaced node keeps a variation alone
    """
    alone = _seen_from_outside(roots)
    forms: dict[Any, list[int]] = {}
    for position, replace in variations.items():
        own = bool(alone & replace.keys()) or any(is_external(n) for n in walk(replace.values()))
        forms.setdefault(position if own else _form(replace), []).append(position)
    return [_group(tuple(members), variations, terms, externals) for members in forms.values()]


def _seen_from_outside(roots: Iterable[Node]) -> set[Node]:
    """Return the nodes below those that are left to the reference evaluator."""
    return set(walk([n for n in walk(roots) if is_external(n)]))


def _form(replace: Replacement) -> tuple[Any, ...]:
    """Return what two variations of one group have in common."""
    order = list(walk(replace.values()))
    index = {node: i for i, node in enumerate(order)}
    return (
        tuple(a.digest for a in replace),
        tuple(index[b] for b in replace.values()),
        tuple((*_shape(n), *(index[a] for a in n.args)) for n in order),
    )


def _shape(node: Node) -> tuple[Any, ...]:
    if node.op == "literal" and node.type.kind in {"int", "float"}:
        return ("literal", node.type.kind, node.params[1])
    if node.op == "field":
        field = FIELDS[str(node.params[0])]
        return ("field", field.kind, field.collection, field.unit)
    return (node.op, repr(node.params))


def _group(
    members: tuple[int, ...], variations: Mapping[int, Replacement], terms: Terms, externals: Externals
) -> Varied:
    orders = [list(walk(variations[m].values())) for m in members]
    numbers: list[tuple[float, ...]] = []
    fields: list[tuple[str, ...]] = []
    own: dict[Node, Lowered] = {}
    if len(members) > 1:
        for same in zip(*orders, strict=True):
            node = same[0]
            if node.op not in {"literal", "field"} or len(set(same)) == 1:
                continue
            values = tuple(n.params[0] for n in same)
            if node.op == "literal":
                own[node] = Lowered(terms.make("param", (), (len(numbers),), sort=node.type.kind))
                numbers.append(values)
            else:
                axis = Lowering(terms, externals).field(str(values[0])).axis
                own[node] = Lowered(
                    terms.make("param_field", (), (len(fields),), sort=node.type.kind, axis=axis)
                )
                fields.append(values)
    lowering = Lowering(terms, externals, own)
    first = variations[members[0]]
    replaced = {a: lowering(b) for a, b in first.items()}
    return Varied(members, replaced, first if len(members) == 1 else None, tuple(numbers), tuple(fields))


def ranges(numbers: tuple[tuple[float, ...], ...]) -> list[tuple[float, float]]:
    """Return the least and the greatest number of each parameter; not-a-number if one is."""
    return [
        (math.nan, math.nan) if any(math.isnan(v) for v in values) else (min(values), max(values))
        for values in numbers
    ]
