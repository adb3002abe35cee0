"""The only doors for code in an analysis: ``@function`` and ``@columnar``.

A ``@function`` sees numbers and lists of one event and is compiled by Numba; a ``@columnar`` function
sees awkward arrays of many events. Each names its inputs and its output type. The source travels
with the analysis: everything it uses must be an argument, NumPy (``np``), ``math``, awkward (``ak``,
columnar only), a constant of its module, or a declared file.
"""

from __future__ import annotations

import ast
import builtins
import dis
import hashlib
import inspect
import textwrap
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from femtobarn.base.errors import CodeError, SettingsError, UnitsError
from femtobarn.base.records import FunctionRecord
from femtobarn.base.units import parse_unit
from femtobarn.physics.language.expr import Expr, lift
from femtobarn.physics.language.graph import make
from femtobarn.physics.language.operators import unit_params

_KINDS = {"float": "float", "int": "int", "bool": "bool", "floats": "float", "ints": "int", "bools": "bool"}
_MODULES = {"function": ("np", "math"), "columnar": ("np", "math", "ak")}

_registry: dict[str, FunctionRecord] = {}


def record_of(digest: str) -> FunctionRecord:
    """Return the code with this digest, as declared in this process."""
    return _registry[digest]


def function(
    *, inputs: Mapping[str, str], output: str, files: Mapping[str, str | Path] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Expr]]:
    """Declare a function of the numbers and lists of one event, compiled by Numba.

    Parameters
    ----------
    inputs
        for each argument a type and a unit: ``"float GeV"`` is a number per event, ``"floats GeV"`` a
        list (one entry per object); also int, bool
    output
        the same for the result; a plural one has as many entries as the lists given
    files
        constants read from files: name in the function -> path (text of one number per line)
    """
    return _declare("function", inputs, output, files)


def columnar(
    *, inputs: Mapping[str, str], output: str, files: Mapping[str, str | Path] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Expr]]:
    """Declare a function of awkward arrays (many events at once); for parameters see `function`."""
    return _declare("columnar", inputs, output, files)


def _declare(
    kind: Literal["function", "columnar"],
    inputs: Mapping[str, str],
    output: str,
    files: Mapping[str, str | Path] | None,
) -> Callable[[Callable[..., Any]], Callable[..., Expr]]:
    def decorate(body: Callable[..., Any]) -> Callable[..., Expr]:
        record = _record(kind, body, inputs, output, files or {})
        _registry[record.digest] = record

        def call(*args: Any) -> Expr:
            return _call(record, args)

        call.__name__ = record.name
        call.__doc__ = body.__doc__
        return call

    return decorate


def parse_type(words: str, what: str) -> tuple[str, Any, bool]:
    """Return (kind, unit, per object) of a type such as ``"floats GeV"``."""
    name, _, unit = words.strip().partition(" ")
    if name not in _KINDS:
        msg = f"{what} has type {words!r}; expected one of {', '.join(_KINDS)}, then a unit, as in 'floats GeV'."
        raise CodeError(msg)
    return _KINDS[name], parse_unit(unit), name.endswith("s")


def _record(
    kind: Literal["function", "columnar"],
    body: Callable[..., Any],
    inputs: Mapping[str, str],
    output: str,
    files: Mapping[str, str | Path],
) -> FunctionRecord:
    name = getattr(body, "__name__", "function")
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(body)))
    except (OSError, TypeError, SyntaxError) as error:
        msg = f"The source of {name}() cannot be found: @{kind} needs a plain `def` in a file. ({error})"
        raise CodeError(msg) from error
    definition = tree.body[0]
    if not isinstance(definition, ast.FunctionDef):
        msg = f"@{kind} needs a plain `def`, but {name} is {type(definition).__name__}."
        raise CodeError(msg)
    definition.decorator_list = []
    arguments = [a.arg for a in definition.args.args]
    if arguments != list(inputs):
        msg = f"{name}() has arguments {arguments}, but its inputs are declared as {list(inputs)}: both must agree in name and order."
        raise CodeError(msg)
    for words, what in ((output, "the output"), *((w, f"the input {n!r}") for n, w in inputs.items())):
        parse_type(words, f"{what} of {name}()")
    contents = {n: _file_constants(Path(p)) for n, p in files.items()}
    constants = _constants(kind, name, body, known={*contents})
    return FunctionRecord(
        name=name,
        kind=kind,
        source=ast.unparse(definition),
        inputs=tuple(inputs.items()),
        output=output,
        constants=(*sorted(constants.items()), *((n, v) for n, (v, _) in sorted(contents.items()))),
        files=tuple((n, d) for n, (_, d) in sorted(contents.items())),
    )


def _file_constants(path: Path) -> tuple[tuple[float, ...], str]:
    try:
        content = path.read_bytes()
        values = tuple(float(line) for line in content.decode().split())
    except (OSError, ValueError) as error:
        msg = f"The declared file {path.name} must hold one number per line: {error}"
        raise CodeError(msg) from error
    return values, hashlib.sha256(content).hexdigest()


def _constants(kind: str, name: str, body: Callable[..., Any], known: set[str]) -> dict[str, Any]:
    """Return constants the code uses from around it; refuse every other name."""
    names = _outside_names(body.__code__)
    around = {n: body.__globals__[n] for n in names if n in body.__globals__}
    used = {**around, **inspect.getclosurevars(body).nonlocals}
    allowed = _MODULES[kind]
    constants: dict[str, Any] = {}
    for used_name, value in sorted(used.items()):
        if used_name in allowed or used_name in known:
            continue
        if isinstance(value, bool | int | float | str):
            constants[used_name] = value
        elif isinstance(value, tuple | list) and all(isinstance(v, bool | int | float) for v in value):
            constants[used_name] = tuple(value)
        else:
            msg = (
                f"{name}() uses {used_name!r} ({type(value).__name__}) from outside. Code of @{kind} may use its "
                f"arguments, {', '.join(allowed)}, numbers and tuples of numbers of its module, and declared files."
            )
            raise CodeError(msg)
    unbound = sorted(n for n in names - {*used, *known, *allowed} if not hasattr(builtins, n))
    if unbound:
        msg = f"{name}() uses {unbound[0]!r}, which is defined nowhere. Give it as an argument."
        raise CodeError(msg)
    return constants


def _outside_names(code: types.CodeType) -> set[str]:
    """Return the names that code, and functions and comprehensions inside it, look up outside of it."""
    names = {i.argval for i in dis.get_instructions(code) if i.opname in {"LOAD_GLOBAL", "LOAD_NAME"}}
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            names |= _outside_names(inner)
    return names


def _call(record: FunctionRecord, args: Sequence[Any]) -> Expr:
    if len(args) != len(record.inputs):
        msg = f"{record.name}() takes {len(record.inputs)} arguments ({', '.join(n for n, _ in record.inputs)}), not {len(args)}."
        raise CodeError(msg)
    nodes = []
    for value, (argument, words) in zip(args, record.inputs, strict=True):
        kind, unit, many = parse_type(words, argument)
        node = lift(value).node
        if not node.type.unit.same_dimension(unit):
            msg = f"{record.name}({argument}) is declared as {words!r}, but got a {node.type.describe()}."
            raise UnitsError(msg)
        if node.type.kind != kind or (node.type.axis is not None) != many:
            msg = f"{record.name}({argument}) is declared as {words!r}, but got a {node.type.describe()}."
            raise CodeError(msg)
        if unit.scale != 1.0:
            msg = f"{record.name}({argument}): declare it in base units ({node.type.unit}), not {unit}."
            raise SettingsError(msg)
        nodes.append(node)
    kind, unit, many = parse_type(record.output, "the output")
    return Expr(
        make(
            "call",
            nodes,
            (record.name, record.digest, kind, unit_params(unit), "object" if many else "event"),
        )
    )


def build(record: FunctionRecord, trusted: frozenset[str] | None) -> Callable[..., Any]:
    """Return the function of a record, executed from its source.

    Parameters
    ----------
    trusted
        digests of code that may run here; None: all (the analysis was declared on this machine)

    Raises
    ------
    CodeError
        if the code is not trusted, or does not define what it says
    """
    if trusted is not None and record.digest not in trusted:
        msg = (
            f"The analysis carries code, {record.name}() with digest {record.digest}, that this worker was not told "
            "to trust. Read it, and start the worker with --trust and that digest if it may run."
        )
        raise CodeError(msg)
    import math

    import numpy as np

    # a tuple that came through JSON is a list, which compiled code would not take
    constants = {n: tuple(v) if isinstance(v, list) else v for n, v in record.constants}
    names: dict[str, Any] = {"np": np, "math": math, **constants}
    if record.kind == "columnar":
        import awkward as ak

        names["ak"] = ak
    exec(compile(record.source, f"<{record.name}>", "exec"), names)  # noqa: S102 - the declared door for code
    body = names[record.name]
    if record.kind == "function":
        import numba

        body = numba.njit(boundscheck=True)(body)  # an index too far would read other events
    return body  # type: ignore[no-any-return]
