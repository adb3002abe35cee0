"""`Analysis`: what a user's file declares."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from femtobarn.base.errors import LanguageError, SettingsError, TypesError, UnitsError, UnknownNameError
from femtobarn.base.record import first_fault
from femtobarn.base.records import AnalysisSpec, FigureRecord, InputsRecord, Keep, Mode, SignificanceRecord
from femtobarn.base.units import parse_unit
from femtobarn.physics.language.axes import Axis, bin_edges, edge_index
from femtobarn.physics.language.declarations import (
    Declarations,
    HistogramDeclaration,
    Selection,
    VariationDeclaration,
)
from femtobarn.physics.language.expr import Expr, lift
from femtobarn.physics.language.freeze import Freezer
from femtobarn.physics.language.functions import require_per_event
from femtobarn.physics.language.graph import Node, make, walk
from femtobarn.physics.language.inputs import load_inputs
from femtobarn.physics.language.operators import common_axis, require_kind
from femtobarn.physics.language.options import Option, OptionValue, option_literal, option_value
from femtobarn.physics.language.types import same

MODES: tuple[Mode, ...] = ("physics", "notebook")


class Analysis:
    """An analysis: selections, weights, variations, histograms and figures over symbolic columns.

    Parameters
    ----------
    name
        short name, used for the run directory
    title
        what people call it; may hold ``$...$`` mathematics
    inputs
        a TOML file beside the file that declares the analysis, or its content as a dict (see
        `femtobarn.physics.language.inputs.load_inputs`); None: everything that is given
    """

    def __init__(self, name: str, title: str = "", inputs: str | Path | dict[str, Any] | None = None) -> None:
        if not name or not all(c.isalnum() or c in "-_." for c in name) or name.startswith("."):
            msg = f"An analysis is named with letters, digits, '-', '_' and '.', not {name!r}: folders are called after it."
            raise SettingsError(msg)
        self.name, self.title = name, title or name
        caller = sys._getframe(1).f_globals  # noqa: SLF001 - inputs are relative to the file that names them
        self.module: str = caller.get("__name__", "")
        if isinstance(inputs, str | Path):
            beside = caller.get("__file__")
            inputs = (Path(beside).parent if beside else Path.cwd()) / inputs
        self.inputs: dict[str, InputsRecord] = {} if inputs is None else load_inputs(inputs)
        self._declared = Declarations()

    def __repr__(self) -> str:
        """Return the name, and what is declared."""
        parts = ", ".join((*self._declared.selections, *self._declared.histograms))
        return f"<Analysis {self.name!r}: {parts or 'nothing declared yet'}>"

    @property
    def releases(self) -> tuple[str, ...]:
        """The releases for which inputs are declared; empty: any."""
        return tuple(self.inputs)

    @property
    def options(self) -> Mapping[str, str]:
        """The options and what they mean."""
        return {o.name: f"{o.doc} (default {o.default!r})" for o in self._declared.options.values()}

    @property
    def selections(self) -> Mapping[str, Selection]:
        """The selections by name."""
        return dict(self._declared.selections)

    # --- declaring

    def selection(self, name: str, *, releases: Sequence[str] | None = None) -> Selection:
        """Declare a selection; add its cuts with ``cut``."""
        _new(name, self._declared.selections, "selection")
        selection = Selection(name, tuple(releases) if releases is not None else None)
        self._declared.selections[name] = selection
        return selection

    def option(
        self,
        name: str,
        default: bool | float | str,
        *,
        choices: Sequence[Any] | None = None,
        unit: str = "",
        doc: str = "",
    ) -> Expr:
        """Declare a number (or text) that a run may set with ``--option name=value``."""
        _new(name, self._declared.options, "option")
        option = Option(name, default, tuple(choices) if choices is not None else None, parse_unit(unit), doc)
        self._declared.options[name] = option
        return Expr(make("option", (option_literal(option, default),), (name,)))

    def weight(self, *factors: Expr) -> None:
        """Multiply the weight of simulated events by ``factors``; data are never weighted."""
        for factor in factors:
            node = lift(factor).node
            require_kind(node, ("float", "int"), "A weight")
            require_per_event(Expr(node), "A weight")
            if not node.type.unit.dimensionless:
                msg = f"A weight is a plain number, but got a {node.type.describe()}."
                raise UnitsError(msg)
            self._declared.weights.append(node)

    def vary(
        self, name: str, *, up: Mapping[Any, Any] | None = None, down: Mapping[Any, Any] | None = None
    ) -> None:
        """Declare a systematic variation: what is replaced, and by what.

        ``analysis.vary("lepton scale", up={lep.pt: lep.pt * 1.003}, down={lep.pt: lep.pt * 0.997})``.
        Everything below a replaced field is evaluated again; nothing else is. Weights vary the same
        way: ``up={mc.pileup: mc.pileup * 1.05}``. Data are not varied.

        Any other expression that stands in a cut, a weight or a histogram can be replaced, too:
        ``up={sf: sf_up}``, where ``sf`` is what was given to `weight`. It is replaced as a whole.
        """
        if not up and not down:
            msg = f"Variation {name!r} needs up={{field: expression}} or down={{...}}."
            raise LanguageError(msg)
        self._vary(name, {d: m for d, m in (("up", up), ("down", down)) if m})

    def vary_many(self, name: str, alternatives: Mapping[str, Mapping[Any, Any]]) -> None:
        """Declare one source of uncertainty with any number of alternatives, called ``name:key`` in results.

        ``analysis.vary_many("pdf", {f"{k:03d}": {sf: sf * weights[k]} for k in range(100)})``. Its band
        is the envelope of them; independent sources are declared one by one with `vary`.

        Parameters
        ----------
        alternatives
            per key what is replaced, and by what, as in `vary`
        """
        if not isinstance(alternatives, Mapping) or not alternatives or not all(alternatives.values()):
            msg = f"Variation {name!r} needs one alternative or more, each {{field: expression}}."
            raise LanguageError(msg)
        taken: dict[str, None] = {}
        for key in alternatives:
            _new(key, taken, f"alternative of variation {name!r}")
            taken[key] = None
        self._vary(name, alternatives)

    def _vary(self, name: str, alternatives: Mapping[str, Mapping[Any, Any]]) -> None:
        for given in alternatives.values():
            if not isinstance(given, Mapping):
                msg = f"Variation {name!r} takes {{field: expression}}, but got {given!r}."
                raise TypesError(msg)
        _new(name, {v.name: v for v in self._declared.variations}, "variation")
        # all are looked at before one is declared
        self._declared.variations += [
            VariationDeclaration(
                name, direction, tuple(self._replacement(name, k, v) for k, v in mapping.items())
            )
            for direction, mapping in alternatives.items()
        ]

    @staticmethod
    def _replacement(name: str, old: Any, new: Any) -> tuple[Node, Node]:
        if not isinstance(old, Expr) or not any(n.op == "field" for n in walk((old.node,))):
            msg = (
                f"Variation {name!r} replaces fields such as lep.pt or mc.pileup, and expressions of them, "
                f"but got {old!r}."
            )
            raise TypesError(msg)
        node = lift(new, old.node).node
        a, b = old.node.type, node.type
        if not same(a, b):
            msg = (
                f"Variation {name!r} replaces a {a.describe()} by a {b.describe()}: both must be of one type."
            )
            raise TypesError(msg)
        return old.node, node

    def histogram(
        self,
        name: str,
        values: Expr | Sequence[Expr],
        axes: Axis | Sequence[Axis],
        *,
        selections: Selection | Sequence[Selection],
        keep: Keep = "dataset",
    ) -> None:
        """Declare a histogram, filled for each of ``selections``.

        Parameters
        ----------
        values
            one expression per axis; per-object ones are filled once for each object
        axes
            `Regular` or `Variable`, one for each value
        keep
            what is kept apart: each ``file``, each ``dataset`` (data: each period), or only each ``process``
        """
        _new(name, self._declared.histograms, "histogram")
        expressions = [values] if isinstance(values, Expr) else list(values)
        axis_list = [axes] if isinstance(axes, Axis) else list(axes)
        if len(expressions) != len(axis_list) or not 1 <= len(expressions) <= 3:
            msg = f"Histogram {name!r} has {len(expressions)} values and {len(axis_list)} axes: one axis for each value, 1 to 3."
            raise LanguageError(msg)
        nodes = tuple(lift(e).node for e in expressions)
        for node, axis in zip(nodes, axis_list, strict=True):
            require_kind(node, ("float", "int", "bool"), f"Histogram {name!r}")
            axis.record(node, name)
        common_axis(nodes, f"Histogram {name!r}")
        chosen = (selections,) if isinstance(selections, Selection) else tuple(selections)
        for selection in chosen:
            if self._declared.selections.get(selection.name) is not selection:
                raise UnknownNameError(f"selection of {self.name}", selection.name, self._declared.selections)
        if not chosen:
            msg = f"Histogram {name!r} needs at least one selection."
            raise LanguageError(msg)
        self._declared.histograms[name] = HistogramDeclaration(name, nodes, tuple(axis_list), chosen, keep)

    def figure(
        self,
        name: str,
        histogram: str,
        selection: Selection,
        *,
        releases: Sequence[str] | None = None,
        **settings: Any,
    ) -> None:
        """Declare a figure of a histogram; ``settings`` are the fields of `FigureRecord`."""
        _new(name, self._declared.figures, "figure")
        self._check_drawn(name, histogram, selection)
        unknown = sorted(set(settings) - set(FigureRecord.model_fields))
        if unknown:
            raise UnknownNameError(f"setting of figure {name!r}", unknown[0], FigureRecord.model_fields)
        try:
            record = FigureRecord(name=name, histogram=histogram, selection=selection.name, **settings)
        except ValidationError as error:
            fault = first_fault(error)
            msg = f"Figure {name!r}: {fault.where}: {fault.what}, not {fault.given!r}."
            raise SettingsError(msg) from error
        self._declared.figures[name] = (record, tuple(releases) if releases is not None else None)

    def significance(
        self,
        name: str,
        histogram: str,
        selection: Selection,
        *,
        window: tuple[float, float],
        background_uncertainty: float = 0.3,
    ) -> None:
        """Declare a counting experiment in ``window`` (in the axis' unit; must be bin edges) of a histogram."""
        _new(name, self._declared.significances, "significance")
        self._check_drawn(name, histogram, selection)
        axis = self._declared.histograms[histogram].axes[0]
        edges = bin_edges(axis)
        try:
            first, last = (edge_index(edges, w) for w in window)
        except ValueError:
            msg = f"Significance {name!r}: {window} must be bin edges of {histogram!r} ({axis.bins} bins from {edges[0]:g} to {edges[-1]:g})."
            raise SettingsError(msg) from None
        self._declared.significances[name] = SignificanceRecord(
            name=name,
            histogram=histogram,
            selection=selection.name,
            first=first,
            last=last - 1,
            background_uncertainty=background_uncertainty,
        )

    def _check_drawn(self, name: str, histogram: str, selection: Selection) -> None:
        if histogram not in self._declared.histograms:
            raise UnknownNameError(f"histogram (for {name!r})", histogram, self._declared.histograms)
        allowed = [s.name for s in self._declared.histograms[histogram].selections]
        if selection.name not in allowed:
            raise UnknownNameError(f"selection of histogram {histogram!r}", selection.name, allowed)

    # --- freezing

    def freeze(
        self, *, release: str | None = None, mode: str = "physics", options: Mapping[str, Any] | None = None
    ) -> AnalysisSpec:
        """Return the analysis as a record for one release, mode and set of options.

        Raises
        ------
        UnknownNameError
            for a release, mode or option that the analysis does not have
        SettingsError
            for an option value that is not allowed
        LanguageError
            if nothing would be filled
        """
        if mode not in MODES:
            raise UnknownNameError("mode", mode, MODES)
        if release is None:
            release = self.releases[0] if self.releases else ""
        if self.inputs and release not in self.inputs:
            raise UnknownNameError(f"release of analysis {self.name!r}", release, self.inputs)
        inputs = self.inputs.get(release) or InputsRecord(release=release)
        chosen = self._chosen_options(options or {})
        freezer = Freezer(self._declared, release=release, mode=mode, options=chosen)
        return freezer.spec(self.name, self.title, inputs)

    def _chosen_options(self, given: Mapping[str, Any]) -> dict[str, OptionValue]:
        for name in given:
            if name not in self._declared.options:
                raise UnknownNameError(f"option of analysis {self.name!r}", name, self._declared.options)
        return {
            o.name: option_value(o, given.get(o.name, o.default)) for o in self._declared.options.values()
        }


def _new(name: str, existing: Mapping[str, Any], what: str) -> None:
    if not isinstance(name, str) or not name or "/" in name or ":" in name:
        msg = f"A {what} needs a name without '/' and ':', not {name!r}."
        raise LanguageError(msg)
    if name in existing:
        msg = f"There is already a {what} {name!r}; give each its own name."
        raise LanguageError(msg)
