"""docs/containers.md and .env.example say what compose.yaml does."""

from __future__ import annotations

import re

from .composition import COMPOSE, GIVEN, ROOT, SERVICES, TLS, parsed, project, variables

PAGE = (ROOT / "docs" / "containers.md").read_text()


def page_commands() -> list[str]:
    """The commands of the page that are for docker, each on one line."""
    return re.findall(r"^\$ ((?:[A-Z]+=\S+ )*docker .+)$", PAGE.replace("\\\n", " "), re.MULTILINE)


def test_commands_of_the_page_name_services_and_commands_that_exist() -> None:
    looked_at = 0
    for line in page_commands():
        given = line.split("|")[0].split()
        if "compose" not in given or "--entrypoint" in given:
            continue
        after = given[given.index("compose") + 1 :]
        if "run" in after:
            service = next(word for word in after if word in SERVICES)
            inner = after[after.index(service) + 1 :]
            looked_at += len(inner) > 0 and parsed(inner) is not None
        elif after[0] in {"up", "logs"} or "up" in after:
            assert after[-1] in SERVICES, line
            looked_at += 1
    assert looked_at > 6


def test_a_worker_elsewhere_is_started_as_the_workers_here() -> None:
    (line,) = (found for found in page_commands() if found.startswith("docker run "))
    worker = project(GIVEN)["services"]["worker"]
    assert line.endswith(f" {worker['image']} worker")
    for flag in ("--init", "--read-only", "--tmpfs /tmp", "--cap-drop ALL", "no-new-privileges", "--restart"):
        assert flag in line
    assert f"--memory {worker['mem_limit']} " in line
    assert "amqps://" in line
    assert "PLAIN" not in line


def test_variables_of_the_reader_are_explained() -> None:
    asked = variables(COMPOSE.read_text())
    example = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE)) == asked
    assert set(re.findall(r"^#   ([A-Z_]+)", COMPOSE.read_text(), re.MULTILINE)) == asked
    assert [name for name in asked | variables(TLS.read_text()) if f"`{name}`" not in PAGE] == []
    # what is not commented out is enough to begin with
    given = dict(line.split("=", 1) for line in example.splitlines() if re.match(r"[A-Z]", line))
    assert given == GIVEN
    assert set(project(given)["services"]) == set(SERVICES)
