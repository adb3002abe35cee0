"""What an expression takes for granted: at least so many objects of a collection.

``lep[:4]`` and ``lep[3]`` need four leptons. A cut that needs them gets a step of its own before it
in the cutflow, so that "too few" is never mixed with "failed".
"""

from __future__ import annotations

from femtobarn.physics.language.graph import Node, count_of
from femtobarn.physics.language.text import brief, collection_text

Requirement = tuple[Node, int]


def requirements(
    node: Node, memo: dict[Node, frozenset[Requirement]] | None = None
) -> frozenset[Requirement]:
    """Return (count, least number) pairs without which ``node`` is not defined for an event."""
    known = memo if memo is not None else {}
    if node in known:
        return known[node]
    args = [requirements(a, known) for a in node.args]
    result: frozenset[Requirement] = frozenset()
    if node.op == "or":
        result = args[0] & args[1]
    elif node.op == "where":
        result = args[0] | (args[1] & args[2])
    elif node.op not in {"default", "defined"}:
        result = frozenset().union(*args) if args else frozenset()
    least = _least(node)
    if least:
        axis = node.args[0].type.axis
        assert axis is not None
        result |= {(count_of(axis), least)}
    known[node] = result
    return result


def _least(node: Node) -> int:
    if node.op == "slice" and node.params[1] is not None:
        return int(node.params[1])
    if node.op == "item":
        index = int(node.params[0])
        return index + 1 if index >= 0 else -index
    return 1 if node.op in {"pick", "min", "max", "mean"} else 0


def describe(requirement: Requirement) -> str:
    """Return the requirement in words: ``"at least 4 lep"``."""
    count, least = requirement
    return f"at least {least} {brief(count.args[0])}"


def strongest(found: frozenset[Requirement], already: dict[Node, int]) -> list[Requirement]:
    """Return what ``found`` adds to ``already`` (which is updated), one per collection, in a fixed order."""
    new: dict[Node, int] = {}
    for count, least in found:
        if least > max(already.get(count, 0), new.get(count, 0)):
            new[count] = least
    already.update(new)
    return sorted(new.items(), key=lambda r: (len(words := collection_text(r[0].args[0])), words))
