"""What users read when they go wrong: each message holds the words that help."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from femtobarn.base.errors import (
    AxisError,
    FemtobarnError,
    LanguageError,
    SettingsError,
    TypesError,
    UnitsError,
    UnknownFieldError,
    UnknownNameError,
    UseWhereError,
)
from femtobarn.physics.language import (
    Analysis,
    GeV,
    MeV,
    Regular,
    Variable,
    all_,
    best,
    combinations,
    cross,
    ev,
    exp,
    log,
    lookup,
    mass,
    mc,
    mm,
    pairs,
    quirk,
    system,
    where,
)

lep, jet = ev.lep, ev.jet
Case = tuple[Callable[[], Any], type[FemtobarnError], str]

EXPRESSIONS: dict[str, Case] = {
    "add units": (lambda: lep.pt + lep.z0, UnitsError, r"left is in GeV and the right in mm"),
    "add angle": (lambda: ev.met.pt + ev.met.phi, UnitsError, r"left is in GeV"),
    "compare units": (lambda: lep.pt > 20 * mm, UnitsError, r"> needs both sides in the same unit.*GeV.*mm"),
    "quotient units": (lambda: lep.pt / lep.z0 > lep.pt, UnitsError, r"Units do not match"),
    "exp of GeV": (lambda: exp(lep.pt), UnitsError, r"exp needs a plain number or an angle.*Divide by a unit"),
    "numpy log of GeV": (lambda: np.log(lep.pt), UnitsError, r"log needs a plain number"),
    "where units": (lambda: where(lep.tight_id, lep.pt, lep.z0), UnitsError, r"where\(\) needs both"),
    "arithmetic of text": (lambda: ev.category + 1, TypesError, r"needs bool or int or float, but got string"),
    "text as number": (lambda: ev.category > 1, TypesError, r"text has only == and !="),
    "and of numbers": (lambda: lep.pt & lep.tight_id, TypesError, r"& needs bool.*write \(a > 1\) & \(b < 2\)"),
    "missing parentheses": (lambda: lep.tight_id & lep.charge > 1, TypesError, r"bind weaker"),
    "not of a number": (lambda: ~lep.charge, TypesError, r"~ needs bool, but got int per lep"),
    "any of numbers": (lep.pt.any, TypesError, r"any_ needs bool, but got float in GeV per lep"),
    "sum per event": (ev.met.pt.sum, AxisError, r"sum works on the objects of a collection.*ev\.lep\.pt"),
    "max of bool": (lep.tight_id.max, TypesError, r"max needs int or float"),
    "different collections": (lambda: lep.pt + jet.pt, AxisError, r"'lep' with objects of 'jet'.*cross\(a, b\)"),
    "different filters": (
        lambda: lep[lep.pt > 20].pt + lep[lep.pt > 10].pt, AxisError, r"lep\[lep.pt > 20\].*lep\[lep.pt > 10\]"
    ),
    "mask of another": (lambda: lep[jet.pt > 20], AxisError, r"filter of 'lep' must be one bool for each"),
    "mask per event": (lambda: lep[ev.trigger.muon], AxisError, r"but got a bool per event"),
    "mask of numbers": (lambda: lep[lep.charge], TypesError, r"position write \[0\]"),
    "stepped slice": (lambda: lep[::2], TypesError, r"no step.*sort\(\)"),
    "negative slice": (lambda: lep[-2:], TypesError, r"from 0 or above upwards"),
    "empty slice": (lambda: lep[2:2], TypesError, r"\[2:2\]"),
    "float slice": (lambda: lep[:2.5], TypesError, r"whole numbers.*x\[x.pt > 20\]"),
    "text index": (lambda: lep["pt"], TypesError, r"whole number, not 'pt'"),
    "index of one": (lambda: lep[0][0], TypesError, r"needs a collection.*one object per event"),
    "head of nothing": (lambda: lep.head(0), TypesError, r"1 or more"),
    "head of a half": (lambda: lep.head(1.5), TypesError, r"whole number"),  # type: ignore[arg-type]
    "object as number": (lambda: lep.pt > lep, TypesError, r"name one of its fields, for instance \.pt"),
    "comparing objects": (lambda: lep[0] == lep[1], TypesError, r"Compare one of its fields"),
    "comparing a collection": (lambda: lep > 20, TypesError, r"\.pt > 20"),
    "comparing pairs": (lambda: pairs(lep) == pairs(jet), TypesError, r"no value of its own"),
    "comparing systems": (lambda: (lep[0] + lep[1]) > 5, TypesError, r"mass\(\)"),
    "none": (lambda: lep.pt > None, TypesError, r"Expected a number or an expression, but got None"),
    "not finite": (lambda: lep.pt > math.inf, TypesError, r"finite number, not inf"),
    "nan": (lambda: lep.pt + math.nan, TypesError, r"finite"),
    "exponent": (lambda: lep.pt ** lep.pt, TypesError, r"constant number"),
    "isin of nothing": (lep.type.isin, TypesError, r"at least one value"),
    "isin of text": (lambda: lep.type.isin("e"), TypesError, r"all of that kind"),
    "unknown field": (lambda: lep.ptt, UnknownFieldError, r"'lep' has no 'ptt'. Did you mean 'pt'"),
    "spelling of case": (lambda: lep.isTightID, UnknownFieldError, r"'lep' has no 'isTightID'.*(tight_id|is_)"),
    "unknown collection": (lambda: ev.leps, UnknownFieldError, r"Did you mean 'lep'"),
    "unknown below": (lambda: ev.trigger.electrn, UnknownFieldError, r"trigger has no.*'electron'"),
    "unknown weight": (lambda: mc.sf.electrons, UnknownFieldError, r"'electron'"),
    "unknown of a system": (lambda: system(lep[0], lep[1]).masss, UnknownFieldError, r"Did you mean 'mass'"),
    "mass of numbers": (lambda: mass(lep.pt), TypesError, r"objects with a four-vector"),
    "best without numbers": (lambda: best(lep, key=lep.tight_id), TypesError, r"key of best\(\) needs int or float"),
    "best by another": (lambda: best(lep, key=jet.pt), AxisError, r"one number for each of 'lep'"),
    "best of a number": (lambda: best(lep.pt, key=lep.pt), TypesError, r"collection or combinations"),
    "pairs of one": (lambda: pairs(lep[0]), TypesError, r"needs a collection"),
    "third of pairs": (lambda: pairs(lep).third, TypesError, r"Combinations of 2 objects have no third"),
    "seven": (lambda: combinations(lep, 7), TypesError, r"2 to 6 are possible"),
    "cross of one": (lambda: cross(lep[0], jet), TypesError, r"two collections"),
    "sort by another": (lambda: lep.sort(jet.pt), AxisError, r"key that sorts 'lep'"),
    "default kind": (lambda: lep[0].charge.default(0.5), TypesError, r"default\(\) of a int per event"),
    "table": (lambda: lookup([1, 2, 3], (lep.eta, [0, 1, 2])), TypesError, r"must have 2 values"),
    "edges": (lambda: lookup([1, 2], (lep.eta, [0, 2, 1])), TypesError, r"must ascend"),
    "quirk": (lambda: quirk("q", physics=lep.pt, notebook=jet.pt), TypesError, r"quirk 'q' must be of one type"),
    "numpy without meaning": (lambda: np.cbrt(lep.pt), TypesError, r"no numpy.cbrt.*sqrt"),
    "numpy reduction": (lambda: np.add.reduce(lep.pt), TypesError, r"no numpy.add \(reduce\)"),
}  # fmt: skip

CONTROL_FLOW: dict[str, tuple[Callable[[], Any], str]] = {
    "if": (lambda: 1 if lep.pt > 20 else 0, r"where\(condition, a, b\)"),
    "and": (lambda: (lep.pt > 20) and (lep.pt < 30), r"&, \| and ~"),
    "or": (lambda: (lep.pt > 20) or (lep.pt < 30), r"&, \| and ~"),
    "not": (lambda: not (lep.pt > 20), r"~"),
    "chain": (lambda: 20 < lep.pt < 30, r"between\(20, 30\)"),
    "in": (lambda: 11 in lep.type, r"x\.isin"),
    "for": (lambda: list(lep.pt), r"pairs\(x\)"),
    "for objects": (lambda: [x for x in lep], r"loop"),  # noqa: C416 - what a user would write
    "sum": (lambda: sum(lep.pt), r"x\.sum\(\)"),
    "any": (lambda: any(lep.tight_id), r"any_\(x\)"),
    "max": (lambda: max(lep.pt), r"x\.max\(\)"),
    "len": (lambda: len(lep.pt), r"x\.count\(\)"),
    "len of objects": (lambda: len(lep), r"x\.count\(\)"),
    "bool of pairs": (lambda: bool(pairs(lep)), r"where"),
    "float": (lambda: float(ev.met.pt), r"NumPy's names"),
    "int": (lambda: int(ev.met.pt), r"NumPy's names"),
    "math": (lambda: math.sqrt(ev.met.pt), r"sqrt\(x\)"),
    "range": (lambda: range(lep.count()), r"declared"),
    "array": (lambda: np.asarray(lep.pt), r"x\.peek\(file\)"),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expressions(name: str) -> None:
    make, error, words = EXPRESSIONS[name]
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize("name", CONTROL_FLOW)
def test_python_control_flow(name: str) -> None:
    make, words = CONTROL_FLOW[name]
    with pytest.raises(UseWhereError, match=words):
        make()


def _analysis() -> Analysis:
    analysis = Analysis("a", inputs={"release": {"2020e-13tev": {}}})
    analysis.option("kind", "e", choices=("e", "mu"))
    analysis.option("loose", default=False)
    analysis.option("least", 20.0, unit="GeV")
    analysis.option("many", 4)
    selection = analysis.selection("all").cut("pt", lep[0].pt > 20)
    analysis.histogram("m", ev.met.pt, Regular(10, 0, 100, unit="GeV"), selections=selection)
    return analysis


Declared = tuple[Callable[[Analysis], Any], type[FemtobarnError], str]
DECLARATIONS: dict[str, Declared] = {
    "cut of a number": (lambda a: a.selection("s").cut("c", ev.met.pt), TypesError, r"Compare it with something"),
    "cut per object": (lambda a: a.selection("s").cut("c", lep.pt > 2), AxisError, r"Reduce it first: any_\(x\)"),
    "cut of python": (lambda a: a.selection("s").cut("c", True), TypesError, r"such as lep\[0\]\.pt > 20"),
    "cut of nothing": (lambda a: a.selection("s").cut("c"), TypesError, r"needs a condition"),
    "cut twice": (lambda a: a.selections["all"].cut("pt", ev.trigger.muon), LanguageError, r"two cuts called 'pt'"),
    "itself": (lambda a: a.selections["all"].cut(a.selections["all"]), LanguageError, r"cannot contain itself"),
    "selection twice": (lambda a: a.selection("all"), LanguageError, r"already a selection 'all'"),
    "slash": (lambda a: a.selection("a/b"), LanguageError, r"without '/' and ':'"),
    "histogram twice": (
        lambda a: a.histogram("m", ev.met.pt, Regular(1, 0, 1, unit="GeV"), selections=a.selections["all"]),
        LanguageError, r"already a histogram 'm'",
    ),
    "axis without unit": (
        lambda a: a.histogram("n", ev.met.pt, Regular(1, 0, 1), selections=a.selections["all"]),
        UnitsError, r'the axis is in 1, but the values are in GeV. Write unit="GeV"',
    ),
    "axis in mm": (
        lambda a: a.histogram("n", ev.met.pt, Regular(1, 0, 1, unit="mm"), selections=a.selections["all"]),
        UnitsError, r"axis is in mm",
    ),
    "axes and values": (
        lambda a: a.histogram("n", [ev.met.pt, ev.met.pt], Regular(1, 0, 1), selections=a.selections["all"]),
        LanguageError, r"2 values and 1 axes",
    ),
    "histogram of two collections": (
        lambda a: a.histogram(
            "n", [lep.eta, jet.eta], [Regular(1, 0, 1), Regular(1, 0, 1)], selections=a.selections["all"]
        ),
        AxisError, r"Histogram 'n' combines",
    ),
    "histogram of text": (
        lambda a: a.histogram("n", ev.category, Regular(1, 0, 1), selections=a.selections["all"]),
        TypesError, r"needs float or int or bool",
    ),
    "foreign selection": (
        lambda a: a.histogram(
            "n", ev.met.pt, Regular(1, 0, 1, unit="GeV"), selections=Analysis("b").selection("al")
        ),
        UnknownNameError, r"'al' is not a known selection of a. Did you mean 'all'",
    ),
    "no selection": (
        lambda a: a.histogram("n", ev.met.pt, Regular(1, 0, 1, unit="GeV"), selections=[]),
        LanguageError, r"at least one selection",
    ),
    "vary a number": (lambda a: a.vary("v", up={2.0: lep.pt}), TypesError, r"replaces fields such as lep\.pt"),
    "vary text": (lambda a: a.vary("v", up={"lep.pt": lep.pt}), TypesError, r"but got 'lep\.pt'"),
    "vary by another unit": (lambda a: a.vary("v", up={lep.pt: lep.z0}), TypesError, r"float in mm"),
    "vary by another collection": (lambda a: a.vary("v", up={lep.pt: jet.pt}), TypesError, r"per jet"),
    "vary nothing": (lambda a: a.vary("v"), LanguageError, r"needs up="),
    "vary twice": (
        lambda a: [a.vary("v", up={lep.pt: lep.pt * 2}) for _ in range(2)], LanguageError, r"already a variation"
    ),
    "weight with unit": (lambda a: a.weight(ev.met.pt), UnitsError, r"plain number, but got a float in GeV"),
    "weight per object": (lambda a: a.weight(lep.eta), AxisError, r"A weight needs one value per event"),
    "weight of bool": (lambda a: a.weight(ev.trigger.muon), TypesError, r"A weight needs float or int"),
    "figure": (lambda a: a.figure("f", "mm", a.selections["all"]), UnknownNameError, r"'mm' is not a known histogram.*Did you mean 'm'"),
    "figure setting": (
        lambda a: a.figure("f", "m", a.selections["all"], luminosty=1), UnknownNameError, r"'luminosity'"
    ),
    "figure selection": (
        lambda a: a.figure("f", "m", a.selection("other")), UnknownNameError, r"'other' is not a known selection of histogram 'm'"
    ),
    "window": (
        lambda a: a.significance("s", "m", a.selections["all"], window=(3, 20)), SettingsError,
        r"must be bin edges of 'm' \(10 bins from 0 to 100\)",
    ),
    "mode": (lambda a: a.freeze(mode="note"), UnknownNameError, r"'note' is not a known mode. Did you mean 'notebook'"),
    "release": (lambda a: a.freeze(release="2020"), UnknownNameError, r"'2020e-13tev'"),
    "option": (lambda a: a.freeze(options={"kid": "e"}), UnknownNameError, r"'kid' is not a known option of analysis 'a'. Did you mean 'kind'"),
    "choice": (lambda a: a.freeze(options={"kind": "tau"}), UnknownNameError, r"Choose from: e, mu"),
    "number option": (lambda a: a.freeze(options={"least": "hard"}), SettingsError, r"takes float.*20\.0.*'hard'"),
    "whole option": (lambda a: a.freeze(options={"many": 4.5}), SettingsError, r"takes int"),
    "bool option": (lambda a: a.freeze(options={"loose": 1}), SettingsError, r"takes bool"),
    "bool option text": (lambda a: a.freeze(options={"loose": "maybe"}), SettingsError, r"takes bool"),
    "bool as whole": (lambda a: a.freeze(options={"many": True}), SettingsError, r"takes int"),
    "no selections": (lambda a: Analysis("b").freeze(), LanguageError, r"nothing would be counted"),
    "name": (lambda a: Analysis("a/b"), SettingsError, r"letters, digits"),
    "hidden name": (lambda a: Analysis(".a"), SettingsError, r"letters, digits"),
    "bins": (lambda a: Regular(0, 0, 1), SettingsError, r"number of bins of 1 or more"),
    "limits": (lambda a: Regular(5, 1, 1), SettingsError, r"low < high"),
    "descending": (lambda a: Variable([0, 2, 1]), SettingsError, r"each greater than the one before"),
    "unit": (lambda a: Regular(5, 0, 1, unit="Gev"), SettingsError, r"no unit 'Gev'. Did you mean 'GeV'"),
    "inputs": (lambda a: Analysis("b", inputs={"releases": {}}), SettingsError, r"nothing else"),
    "process twice": (
        lambda a: Analysis("b", inputs={"release": {"r": {"processes": [
            {"name": n, "label": "", "colour": "", "role": "signal", "datasets": [1]} for n in "pq"
        ]}}}),
        SettingsError, r"dataset 1 appears more than once",
    ),
    "role": (
        lambda a: Analysis("b", inputs={"release": {"r": {"processes": [
            {"name": "p", "label": "", "colour": "", "role": "noise"}
        ]}}}),
        SettingsError, r'release."r"\.processes\.0\.role',
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DECLARATIONS)
def test_declarations(name: str) -> None:
    make, error, words = DECLARATIONS[name]
    analysis = _analysis()
    with pytest.raises(error, match=words) as caught:
        make(analysis)
    assert caught.value.exit_code == 2


def test_options_take_text_of_their_type() -> None:
    spec = _analysis().freeze(options={"least": "30", "loose": "true", "many": "5", "kind": "mu"})
    assert {o.name: o.value for o in spec.options} == {"kind": "mu", "loose": True, "least": 30.0, "many": 5}


def test_units_and_numpy_write_the_same_expression() -> None:
    pt = lep.pt
    same = [
        (pt > 20 * GeV, pt > 20),
        (pt > 20000 * MeV, pt > 20),
        (20 * GeV < pt, pt > 20),
        (np.float64(20) < pt, np.less(20, pt)),
        (np.float64(3) * pt, 3 * pt),
        (np.int64(3) * lep.charge, 3 * lep.charge),
        (np.multiply(2, pt), 2.0 * pt),
        (np.abs(lep.eta), abs(lep.eta)),
        (np.maximum(pt, 3), np.maximum(pt, np.float32(3))),
        (np.sqrt(pt * pt) > 20, np.sqrt(pt * pt) > 20 * GeV),
        (np.logical_and(pt > 20, lep.tight_id), (pt > 20) & lep.tight_id),
        (pt**2, pt**2.0),
        (pt + 0.02 * 1000 * GeV, pt + 20),
    ]
    for one, two in same:
        assert one.node is two.node
    assert str((pt * GeV).node.type.unit) == "GeV^2"
    assert (pt / GeV).node.type.unit.dimensionless
    assert log(pt / GeV).node.type.kind == "float"
    assert np.sqrt(pt * pt).node.type.unit.same_dimension(pt.node.type.unit)
    assert repr(20 * GeV) == "20 GeV"
    assert repr(all_(lep.tight_id)) == "<all_(lep.tight_id): bool per event>"
