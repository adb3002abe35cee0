"""What an analysis collects while its file is imported: selections, histograms, variations, figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from femtobarn.base.errors import LanguageError, TypesError
from femtobarn.base.records import FigureRecord, Keep, SignificanceRecord
from femtobarn.physics.language.axes import Axis
from femtobarn.physics.language.expr import Expr
from femtobarn.physics.language.functions import require_per_event
from femtobarn.physics.language.graph import Node
from femtobarn.physics.language.operators import require_kind
from femtobarn.physics.language.options import Option


@dataclass
class Selection:
    """A named sequence of cuts. ``releases`` limits it to some releases."""

    name: str
    releases: tuple[str, ...] | None = None
    steps: list[tuple[str, Node]] = field(default_factory=list)

    def cut(self, name: str | Selection, condition: Expr | None = None) -> Selection:
        """Add a named cut, or all cuts of another selection; return this selection.

        Parameters
        ----------
        name
            how the cut is called in the cutflow; or a selection whose cuts are added
        condition
            a bool per event; an event where it is not defined (too few objects) is cut
        """
        if isinstance(name, Selection):
            if name is self:
                msg = f"Selection {self.name!r} cannot contain itself."
                raise LanguageError(msg)
            for step in name.steps:
                self._add(*step)
            return self
        if not isinstance(condition, Expr):
            msg = f"Cut {name!r} of {self.name!r} needs a condition such as lep[0].pt > 20, but got {condition!r}."
            raise TypesError(msg)
        require_kind(
            condition.node, ("bool",), f"Cut {name!r} of {self.name!r}", "Compare it with something: x > 20."
        )
        require_per_event(condition, f"Cut {name!r} of {self.name!r}")
        self._add(name, condition.node)
        return self

    def _add(self, name: str, node: Node) -> None:
        if any(n == name for n, _ in self.steps):
            msg = f"Selection {self.name!r} has two cuts called {name!r}; give each its own name."
            raise LanguageError(msg)
        self.steps.append((name, node))

    def explain(self, file: Any, entry: int) -> Any:
        """Return every cut of one event of a file: its value, pass or fail."""
        from femtobarn.physics.language.explain import explain_selection

        return explain_selection(self, file, entry)


@dataclass(frozen=True)
class HistogramDeclaration:
    """A histogram as declared."""

    name: str
    values: tuple[Node, ...]
    axes: tuple[Axis, ...]
    selections: tuple[Selection, ...]
    keep: Keep


@dataclass(frozen=True)
class VariationDeclaration:
    """One direction of a variation as declared: fields or other expressions, and their replacements."""

    name: str
    direction: str
    replace: tuple[tuple[Node, Node], ...]


@dataclass
class Declarations:
    """All that an analysis declares, in the order in which it was said."""

    selections: dict[str, Selection] = field(default_factory=dict)
    weights: list[Node] = field(default_factory=list)
    variations: list[VariationDeclaration] = field(default_factory=list)
    histograms: dict[str, HistogramDeclaration] = field(default_factory=dict)
    figures: dict[str, tuple[FigureRecord, tuple[str, ...] | None]] = field(default_factory=dict)
    significances: dict[str, SignificanceRecord] = field(default_factory=dict)
    options: dict[str, Option] = field(default_factory=dict)

    def roots(self) -> list[Node]:
        """Return every cut, factor of the weight and value of a histogram, of all releases."""
        cuts = [node for s in self.selections.values() for _, node in s.steps]
        return [*cuts, *self.weights, *(v for h in self.histograms.values() for v in h.values)]
