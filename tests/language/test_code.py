"""``@function`` and ``@columnar``: the only doors for code."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

from femtobarn.base.errors import AxisError, CodeError, LanguageError, SettingsError, TypesError, UnitsError
from femtobarn.base.records import AnalysisSpec
from femtobarn.physics.language import Analysis, Expr, columnar, ev, function
from femtobarn.physics.language.code import record_of
from femtobarn.physics.language.evaluate import evaluate
from femtobarn.physics.language.reference import Chunk

from .tools import columns, evaluated

lep, jet = ev.lep, ev.jet
THRESHOLD = 15.0
WEIGHTS = (1.0, 0.5, 0.25)
STATE = {"a": 1}

VALUES: dict[str, list[Any]] = {
    "lep.pt": [[30.0, 20.0, 10.0], [], [16.0]],
    "lep.eta": [[0.5, 1.0, -1.0], [], [2.0]],
    "lep.charge": [[1, -1, 1], [], [-1]],
    "jet.pt": [[5.0], [6.0, 7.0], []],
    "met.pt": [1.0, 2.0, 3.0],
}


@function(inputs={"pt": "floats GeV", "charge": "ints", "met": "float GeV"}, output="float GeV")
def weighted(pt: Any, charge: Any, met: Any) -> Any:
    total = met
    for i in range(len(pt)):
        if pt[i] > THRESHOLD and charge[i] != 0:
            total += WEIGHTS[i] * pt[i]
    return total


@function(inputs={"pt": "floats GeV"}, output="bools")
def is_hard(pt: Any) -> Any:
    return pt > THRESHOLD


@columnar(inputs={"pt": "floats GeV", "met": "float GeV"}, output="floats")
def share(pt: Any, met: Any) -> Any:
    return pt / (ak.sum(pt, axis=1) + met)


@columnar(inputs={"pt": "floats GeV"}, output="int")
def number(pt: Any) -> Any:
    return ak.num(pt, axis=1)


def digest_of(expr: Expr) -> str:
    return str(expr.node.params[1])


def test_a_function_sees_numbers_and_lists_of_one_event() -> None:
    expr = weighted(lep.pt, lep.charge, ev.met.pt)
    assert evaluated(expr, VALUES) == [1.0 + 30 + 10, 2.0, 19.0]
    assert str(expr.node.type.unit) == "GeV"
    assert dict(record_of(digest_of(expr)).constants) == {"THRESHOLD": 15.0, "WEIGHTS": WEIGHTS}
    hard = is_hard(lep.pt)
    assert evaluated(hard, VALUES) == [[True, True, False], [], [True]]
    assert evaluated(lep[hard].pt, VALUES) == [[30.0, 20.0], [], [16.0]]
    assert evaluated(hard, {"lep.pt": []}) == []
    assert evaluated(weighted(lep[:1].pt, lep[:1].charge, ev.met.pt), VALUES) == [31.0, None, 19.0]


def test_code_runs_from_a_spec_that_came_as_json() -> None:
    analysis = Analysis("a")
    analysis.selection("all").cut("sum", weighted(lep.pt, lep.charge, ev.met.pt) > 18)
    spec = AnalysisSpec.model_validate_json(analysis.freeze().model_dump_json())
    result = evaluate(spec, "mc", columns(VALUES), 3, trusted=frozenset(f.digest for f in spec.functions))
    assert result.passed("nominal", "all").tolist() == [1, 0, 1]


def test_columnar_code_sees_awkward_arrays() -> None:
    got = evaluated(share(lep.pt, ev.met.pt), VALUES)
    assert got == [[30 / 61, 20 / 61, 10 / 61], [], [16 / 19]]
    assert evaluated(number(lep.pt), VALUES) == [3, 0, 1]


def test_constants_around_a_function_are_captured() -> None:
    def scaled(by: float) -> Callable[..., Expr]:
        @columnar(inputs={"x": "float GeV"}, output="float GeV")
        def scale(x: Any) -> Any:
            return x * by

        return scale

    two, three = scaled(2.0)(ev.met.pt), scaled(3.0)(ev.met.pt)
    assert digest_of(two) != digest_of(three)
    assert evaluated(two + three, VALUES) == [5.0, 10.0, 15.0]


def test_names_inside_comprehensions_are_captured_or_refused() -> None:
    @columnar(inputs={"x": "float GeV"}, output="float GeV")
    def inner(x: Any) -> Any:
        return sum([x * w * THRESHOLD for w in WEIGHTS])

    assert evaluated(inner(ev.met.pt), VALUES) == [1.75 * 15, 3.5 * 15, 5.25 * 15]
    with pytest.raises(CodeError, match=r"uses 'STATE' \(dict\) from outside"):

        @columnar(inputs={"x": "float GeV"}, output="float GeV")
        def hidden(x: Any) -> Any:
            return [STATE["a"] for _ in x]


def test_declared_files_are_constants(tmp_path: Path) -> None:
    path = tmp_path / "factors.txt"
    path.write_text("2.0\n10.0\n")

    @columnar(inputs={"x": "float GeV"}, output="float GeV", files={"factors": path})
    def scale(x: Any) -> Any:
        return x * factors[0] + factors[1]  # type: ignore[name-defined]  # noqa: F821 - declared above

    assert evaluated(scale(ev.met.pt), VALUES) == [12.0, 14.0, 16.0]
    ((name, content),) = record_of(digest_of(scale(ev.met.pt))).files
    assert name == "factors"
    assert len(content) == 64
    path.write_text("two\n")
    with pytest.raises(CodeError, match=r"factors.txt must hold one number per line"):
        columnar(inputs={"x": "float"}, output="float", files={"factors": path})(lambda_free)


def lambda_free(x: Any) -> Any:
    return x


def uses_state(x: Any) -> Any:
    return x + STATE["a"]


def uses_module(x: Any) -> Any:
    return x + Path("a").stat().st_size


def uses_nothing_known(x: Any) -> Any:
    return x + nowhere  # type: ignore[name-defined]  # noqa: F821 - the point


@pytest.mark.parametrize(
    ("body", "inputs", "output", "words"),
    [
        (uses_state, {"x": "float"}, "float", r"uses 'STATE' \(dict\).*numbers and tuples of numbers"),
        (uses_module, {"x": "float"}, "float", r"uses 'Path'"),
        (uses_nothing_known, {"x": "float"}, "float", r"'nowhere', which is defined nowhere"),
        (lambda_free, {"y": "float"}, "float", r"arguments \['x'\], but its inputs are declared as \['y'\]"),
        (
            lambda_free,
            {"x": "double"},
            "float",
            r"the input 'x' of lambda_free\(\) has type 'double'.*floats GeV",
        ),
        (lambda_free, {"x": "float"}, "array", r"the output of lambda_free\(\) has type 'array'"),
        (math.sqrt, {"x": "float"}, "float", r"needs a plain `def`"),
    ],
    ids=lambda v: getattr(v, "__name__", None),
)
@pytest.mark.parametrize("door", [function, columnar])
def test_what_cannot_travel_is_refused(
    door: Any, body: Any, inputs: dict[str, str], output: str, words: str
) -> None:
    with pytest.raises(CodeError, match=words):
        door(inputs=inputs, output=output)(body)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: weighted(lep.pt), CodeError, r"takes 3 arguments \(pt, charge, met\), not 1"),
        (lambda: is_hard(lep.z0), UnitsError, r"is_hard\(pt\) is declared as 'floats GeV', but got a float in mm"),
        (lambda: is_hard(ev.met.pt), CodeError, r"but got a float in GeV per event"),
        (lambda: weighted(lep.pt, lep.eta, ev.met.pt), CodeError, r"charge\) is declared as 'ints'"),
        (lambda: columnar(inputs={"x": "float MeV"}, output="float")(lambda_free)(ev.met.pt), SettingsError,
         r"base units \(GeV\), not MeV"),
        (lambda: function(inputs={"x": "float GeV"}, output="floats")(lambda_free)(ev.met.pt), AxisError,
         r"yields one value per object, but got no collection"),
    ],
)  # fmt: skip
def test_wrong_calls_are_refused(call: Callable[[], Any], error: type[LanguageError], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_code_that_returns_something_else_is_refused() -> None:
    @columnar(inputs={"pt": "floats GeV"}, output="float GeV")
    def short(pt: Any) -> Any:
        return np.zeros(1)

    @columnar(inputs={"pt": "floats GeV"}, output="floats GeV")
    def other_lists(pt: Any) -> Any:
        return pt[:, :1]

    with pytest.raises(TypesError, match=r"short\(\) must return one value for each of 3 events"):
        evaluated(short(lep.pt), VALUES)
    with pytest.raises(TypesError, match=r"one value for each object of its input"):
        evaluated(other_lists(lep.pt), VALUES)


def test_untrusted_code_is_refused_with_its_digest() -> None:
    expr = number(lep.pt)
    record = record_of(digest_of(expr))
    assert Chunk(columns(VALUES), 3, {record.digest: record}).value(expr.node).data.tolist() == [3, 0, 1]
    chunk = Chunk(columns(VALUES), 3, {record.digest: record}, trusted=frozenset({"0" * 64}))
    with pytest.raises(CodeError, match=rf"number\(\) with digest {record.digest}.*--trust"):
        chunk.value(expr.node)
    with pytest.raises(CodeError, match="does not carry"):
        Chunk(columns(VALUES), 3).value(expr.node)
