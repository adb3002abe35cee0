"""Nodes of the expression graph: interned, typed, with a digest that is their identity.

Two nodes with the same operator, parameters and arguments are one object. Sharing, memoised
evaluation and the rewriting that makes variations follow from that.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

from femtobarn.base.canonical import digest
from femtobarn.base.errors import TypesError
from femtobarn.base.records import NodeRecord
from femtobarn.physics.language.types import SelfAxis, ValueType


class Node:
    """One operation on other nodes. Make them with `make`, never directly.

    Attributes
    ----------
    op
        name of the operator (see `femtobarn.physics.language.operators`)
    args
        the nodes it works on
    params
        constants of the operation: JSON scalars and tuples of them
    type
        what it yields
    digest
        SHA-256 of operator, parameters and the digests of the arguments
    """

    __slots__ = ("__weakref__", "args", "digest", "op", "params", "type")

    op: str
    args: tuple[Node, ...]
    params: tuple[Any, ...]
    type: ValueType
    digest: str

    def __repr__(self) -> str:
        """Return the operator and the beginning of the digest."""
        return f"<Node {self.op} {self.digest[:8]}>"

    @property
    def collection_text(self) -> str:
        """How the collection that this node represents is called in messages."""
        from femtobarn.physics.language.text import collection_text, shortened

        return shortened(collection_text(self))


_nodes: weakref.WeakValueDictionary[str, Node] = weakref.WeakValueDictionary()
_infer: list[Callable[[str, tuple[Node, ...], tuple[Any, ...]], ValueType | SelfAxis]] = []


def set_type_rules(rules: Callable[[str, tuple[Node, ...], tuple[Any, ...]], ValueType | SelfAxis]) -> None:
    """Install the function that infers types (done once, by the operators module)."""
    _infer[:] = [rules]


def make(op: str, args: Iterable[Node] = (), params: Iterable[Any] = ()) -> Node:
    """Return the node for this operation, checking types and units.

    Raises
    ------
    LanguageError
        (or one of its subclasses) if the arguments do not fit the operator
    """
    arguments = tuple(args)
    constants = cast("tuple[Any, ...]", _frozen(tuple(params)))
    key = digest([op, [a.digest for a in arguments], constants])
    known = _nodes.get(key)
    if known is not None:
        return known
    inferred = _infer[0](op, arguments, constants)
    node = Node()
    node.op, node.args, node.params, node.digest = op, arguments, constants, key
    # the node that represents a collection is its own axis
    node.type = ValueType(inferred.kind, inferred.unit, node) if isinstance(inferred, SelfAxis) else inferred
    _nodes[key] = node
    return node


def _frozen(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_frozen(v) for v in value)
    if isinstance(value, float) and not math.isfinite(value):
        msg = f"A constant must be a finite number, not {value}."
        raise TypesError(msg)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    msg = f"A constant of an expression must be a number, a bool or a string, not {type(value).__name__}."
    raise TypesError(msg)


def count_of(axis: Node) -> Node:
    """Return the number of objects of a collection; ordering does not change it."""
    while axis.op == "order":
        axis = axis.args[0]
    return make("count", (axis,))


def walk(roots: Iterable[Node]) -> Iterator[Node]:
    """Yield every node below ``roots`` once, arguments before the nodes that use them."""
    seen: set[Node] = set()
    for root in roots:
        stack: list[tuple[Node, bool]] = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if node in seen:
                continue
            if ready:
                seen.add(node)
                yield node
            else:
                stack.append((node, True))
                stack.extend((a, False) for a in reversed(node.args) if a not in seen)


def substitute(root: Node, replace: Mapping[Node, Node], memo: dict[Node, Node] | None = None) -> Node:
    """Return ``root`` with nodes replaced wherever they occur; replacements are not rewritten again.

    Nodes that depend on nothing replaced come back as the same objects.
    """
    done = memo if memo is not None else {}
    done.update(replace)
    stack: list[Node] = [root]
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
            continue
        missing = [a for a in node.args if a not in done]
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        args = tuple(done[a] for a in node.args)
        done[node] = node if args == node.args else make(node.op, args, node.params)
    return done[root]


def to_records(roots: Iterable[Node]) -> tuple[tuple[NodeRecord, ...], dict[Node, int]]:
    """Return the graph below ``roots`` as records in canonical order, and the index of each node."""
    order = list(walk(roots))
    index = {node: i for i, node in enumerate(order)}
    records = tuple(NodeRecord(op=n.op, args=tuple(index[a] for a in n.args), params=n.params) for n in order)
    return records, index


def from_records(records: Iterable[NodeRecord]) -> tuple[Node, ...]:
    """Return the nodes of records written by `to_records`; types and units are checked again."""
    nodes: list[Node] = []
    for i, record in enumerate(records):
        if any(not 0 <= a < i for a in record.args):
            msg = (
                f"Node {i} ({record.op}) of the graph refers to nodes {record.args}: only earlier ones exist."
            )
            raise TypesError(msg)
        nodes.append(make(record.op, (nodes[a] for a in record.args), record.params))
    return tuple(nodes)
