"""compose.yaml as docker compose reads it: variables replaced, anchors merged, files laid over each other."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer.main
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "compose.yaml"
TLS = ROOT / "containers" / "tls.yaml"
GIVEN = {"BROKER_PASSWORD_FILE": "./containers/secrets/broker_password"}
"""What a reader must set."""
PRODUCT = ("producer", "worker", "aggregator", "demo-data")
SERVICES = ("broker", *PRODUCT)

_VARIABLE = re.compile(
    r"\$(?:(?P<escaped>\$)|\{(?P<name>\w+)(?:(?P<how>:[-+?])(?P<word>[^{}]*))?\}|(?P<plain>\w+))"
)


class UnsetVariableError(Exception):
    """A variable that must be set is not."""


def variables(text: str) -> set[str]:
    """The names of the variables that ``text`` asks the reader's environment for."""
    return {found["name"] or found["plain"] for found in _VARIABLE.finditer(text) if not found["escaped"]}


def interpolated(text: str, environment: Mapping[str, str]) -> str:
    """``text`` with the variables replaced as the Compose specification says."""

    def value(found: re.Match[str]) -> str:
        if found["escaped"]:
            return "$"
        name, word = found["name"] or found["plain"], found["word"]
        given = environment.get(name, "")
        match found["how"]:
            case ":-":
                return given or word
            case ":+":
                return word if given else ""
            case ":?" if not given:
                raise UnsetVariableError(f"{name}: {word}")
        return given

    return _VARIABLE.sub(value, text)


def project(environment: Mapping[str, str], *files: Path) -> dict[str, Any]:
    """The services, networks, volumes and secrets of ``files``, the later laid over the earlier."""
    result: dict[str, Any] = {}
    for file in files or (COMPOSE,):
        _lay(result, _replaced(yaml.safe_load(file.read_text(encoding="utf-8")), environment))
    return result


def words(service: Mapping[str, Any], key: str) -> list[str]:
    """``command`` or ``entrypoint`` of a service as words."""
    given = service.get(key, [])
    return shlex.split(given) if isinstance(given, str) else list(given)


def mounts(service: Mapping[str, Any]) -> dict[str, tuple[str, bool]]:
    """What is mounted where: target to (source, whether it is read-only)."""
    found = {}
    for line in service.get("volumes", []):
        source, target, *how = line.split(":")
        found[target] = (source, how == ["ro"])
    return found


def parsed(line: list[str]) -> Any:
    """Let femtobarn's own command line read ``line`` without doing it; a wrong option raises."""
    from femtobarn.cli.main import app

    command = typer.main.get_command(app).commands[line[0]]  # type: ignore[attr-defined]
    return command.make_context(line[0], line[1:])


def _replaced(node: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _replaced(value, environment) for key, value in node.items()}
    if isinstance(node, list):
        return [_replaced(value, environment) for value in node]
    return interpolated(node, environment) if isinstance(node, str) else node


def _lay(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _lay(below[key], value)
        elif isinstance(value, list) and isinstance(below.get(key), list):
            below[key] = [*below[key], *value]
        else:
            below[key] = value
