"""YAML as configurations use it: texts, numbers, true and false, lists and mappings; nothing else, each key once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NoReturn

import yaml

from femtobarn.base.errors import SettingsError
from femtobarn.base.text import visible

MOST_BYTES = 200_000
"""No configuration is longer; what is longer is another kind of file."""

MOST_DEPTH = 16
"""How deeply lists and mappings may be nested."""

MOST_VALUES = 100_000
"""How many values a configuration may have when its aliases are written out."""

_KNOWN = (
    ("null", re.compile(r"^(?:~|null|Null|NULL|)$"), ("~", "n", "N", "")),
    (
        "bool",
        re.compile(r"^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$"),
        tuple("yYnNtTfFoO"),
    ),
    ("int", re.compile(r"^[-+]?[0-9]+$"), tuple("-+0123456789")),
    (
        "float",
        re.compile(
            r"^(?:[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
        ),
        tuple("-+0123456789."),
    ),
)
"""What a plain word is, if it is no text: as in YAML 1.2, and yes, no, on and off as in YAML 1.1."""

_MAPPING, _SEQUENCE = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # the library has no types
    """A loader without dates, numbers of base 60, merges, doubled keys and more than a person would write."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - the library's own attribute
    yaml_constructors: dict[str | None, Any] = {}  # noqa: RUF012 - the same

    def get_single_node(self) -> Any:
        """Return the one document, if it is neither too long nor too deep when it is written out."""
        node = super().get_single_node()
        if node is not None:
            _measured(node, {}, 0)
        return node

    def mapping(self, node: Any) -> dict[str, Any]:
        """Return a mapping whose keys are texts, each there once."""
        found: dict[str, Any] = {}
        if not isinstance(node, yaml.MappingNode):
            self.unknown(node)
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                msg = f"a key that is no text, {key!r:.40}: write it in quotes"
                raise yaml.MarkedYAMLError(problem=msg, problem_mark=key_node.start_mark)
            if key in found:
                msg = f"the key {key[:80]!r} again: each may be there once"
                raise yaml.MarkedYAMLError(problem=msg, problem_mark=key_node.start_mark)
            found[key] = self.construct_object(value_node, deep=True)
        return found

    def switch(self, node: Any) -> bool:
        """Return true or false."""
        word = self.construct_scalar(node).lower()
        if word not in self.bool_values:
            self.unknown(node)
        return bool(self.bool_values[word])

    def whole(self, node: Any) -> int:
        """Return a whole number."""
        return int(self.construct_scalar(node))

    def real(self, node: Any) -> float:
        """Return a number with a point or an exponent."""
        word: str = self.construct_scalar(node).lower()
        return float(word.replace(".inf", "inf").replace(".nan", "nan"))

    def text(self, node: Any) -> str:
        """Return a text that can be shown."""
        word: str = self.construct_scalar(node)
        if any("\ud800" <= c <= "\udfff" or (c < " " and c not in "\n\t") for c in word):
            msg = "a text with control characters or half of one: leave them out"
            raise yaml.MarkedYAMLError(problem=msg, problem_mark=node.start_mark)
        return word

    def unknown(self, node: Any) -> NoReturn:
        """Refuse a tag, or what stands behind it."""
        msg = f"the tag {node.tag[:80]!r}: write plain texts, numbers, lists and mappings"
        raise yaml.MarkedYAMLError(problem=msg, problem_mark=node.start_mark)


def _measured(node: Any, known: dict[int, int], depth: int) -> int:
    """Return how many values a node stands for, those that aliases repeat each time they do."""
    if depth > MOST_DEPTH:
        msg = f"lists and mappings more than {MOST_DEPTH} deep"
        raise yaml.MarkedYAMLError(problem=msg, problem_mark=node.start_mark)
    if not isinstance(node, yaml.CollectionNode):
        return 1
    key = id(node)
    if known.get(key) == 0:
        raise yaml.MarkedYAMLError(
            problem="an alias inside of what it stands for", problem_mark=node.start_mark
        )
    if key not in known:
        known[key] = 0
        pairs = isinstance(node, yaml.MappingNode)
        inside = [n for pair in node.value for n in pair] if pairs else node.value
        known[key] = 1 + sum(_measured(n, known, depth + 1) for n in inside)
    if known[key] > MOST_VALUES:
        msg = f"more than {MOST_VALUES:,} values"
        raise yaml.MarkedYAMLError(problem=msg, problem_mark=node.start_mark)
    return known[key]


class _Dumper(yaml.SafeDumper):  # type: ignore[misc] # the library has no types
    """A dumper whose texts are read back as texts by `_Loader`."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - the library's own attribute

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the library's signature
        """Write everything out."""
        return True


for _tag, _pattern, _first in _KNOWN:
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _pattern, list(_first))
_Loader.add_constructor("tag:yaml.org,2002:null", yaml.SafeLoader.construct_yaml_null)
_Loader.add_constructor("tag:yaml.org,2002:bool", _Loader.switch)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.whole)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.real)
_Loader.add_constructor("tag:yaml.org,2002:str", _Loader.text)
_Loader.add_constructor(_SEQUENCE, lambda loader, node: loader.construct_sequence(node, deep=True))
_Loader.add_constructor(_MAPPING, _Loader.mapping)
_Loader.add_constructor(None, _Loader.unknown)


def read(path: Path) -> str:
    """Return the text of a configuration.

    Raises
    ------
    SettingsError
        if it cannot be read, is too long or no text
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else str(error)
        msg = f"Expected a configuration {visible(str(path))!r}, but it cannot be read: {words}. Check the path."
        raise SettingsError(msg) from error
    if len(content) > MOST_BYTES:
        msg = f"{path}: expected a configuration of at most {MOST_BYTES:,} bytes, got more. Check that it is the right file; put long lists of files into a .txt file of their own."
        raise SettingsError(msg)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        msg = f"{path}: expected a configuration in YAML, but it is not text in UTF-8: {error}. Correct the file."
        raise SettingsError(msg) from error


def parse(text: str, name: str) -> dict[str, Any]:
    """Return what a configuration says: a mapping of texts to values.

    Parameters
    ----------
    text
        YAML
    name
        what messages call the file

    Raises
    ------
    SettingsError
        if it is no YAML, or more than one document or something else than a mapping, with the line
    """
    try:
        found = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader, restricted further
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = "" if mark is None else f", line {mark.line + 1}"
        msg = f"{name}{line}: expected a configuration in YAML, got {visible((error.problem or str(error)).removeprefix('but found '))}. Correct the file."
        raise SettingsError(msg) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        msg = f"{name}: expected a configuration in YAML, but: {visible(str(error))}. Correct the file."
        raise SettingsError(msg) from error
    if not isinstance(found, dict):
        what = "nothing" if found is None else f"{visible(repr(found), most=80)}"
        msg = f"{name}: expected a mapping of keys to values, such as 'release: 2024r-pp', got {what}. Write one: femtobarn spectra init"
        raise SettingsError(msg)
    return found


def dump(content: dict[str, Any]) -> str:
    """Return a mapping of texts, numbers, lists and mappings as YAML, in its order; mappings of values on one line."""
    text: str = yaml.dump(
        content,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        # the innermost ones; a mapping of nothing but values would be one itself
        default_flow_style=None if any(isinstance(v, dict) for v in content.values()) else False,
        width=100,
    )
    return text
