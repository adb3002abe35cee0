"""Options: numbers or text that a run may set with ``--option name=value``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from femtobarn.base.errors import SettingsError, UnknownNameError
from femtobarn.base.units import Unit
from femtobarn.physics.language.graph import Node, make
from femtobarn.physics.language.operators import unit_params

OptionValue = bool | int | float | str


@dataclass(frozen=True)
class Option:
    """An option as declared; ``unit`` is that of its values."""

    name: str
    default: OptionValue
    choices: tuple[Any, ...] | None
    unit: Unit
    doc: str


def option_value(option: Option, value: Any) -> OptionValue:
    """Return ``value`` (or the text of it) as the option's type; SettingsError if it is not allowed."""
    kind = type(option.default)
    if isinstance(value, str) and kind is not str:
        value = _parsed(option, value, kind)
    elif kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        msg = f"Option {option.name!r} takes {kind.__name__}, for instance {option.default!r}, not {value!r}."
        raise SettingsError(msg)
    if option.choices is not None and value not in option.choices:
        raise UnknownNameError(f"value of option {option.name!r}", value, option.choices)
    return value


def _parsed(option: Option, value: str, kind: type) -> Any:
    if kind is bool and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    try:
        return kind(value) if kind is not bool else None
    except ValueError:
        msg = f"Option {option.name!r} takes {kind.__name__}, for instance {option.default!r}, not {value!r}."
        raise SettingsError(msg) from None


def option_literal(option: Option, value: OptionValue) -> Node:
    """Return the constant that an option stands for in base units."""
    if isinstance(value, float | int) and not isinstance(value, bool):
        scaled = value * option.unit.scale if option.unit.scale != 1.0 else value
        return make("literal", (), (scaled, unit_params(option.unit)))
    return make("literal", (), (value, ()))
