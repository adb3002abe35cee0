"""compose.yaml says what it should: closed to the world, no password of its own, commands that exist."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from .composition import (
    COMPOSE,
    GIVEN,
    PRODUCT,
    ROOT,
    SERVICES,
    TLS,
    UnsetVariableError,
    interpolated,
    mounts,
    parsed,
    project,
    words,
)

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    return project(GIVEN)["services"]


def test_the_services_are_those_of_the_system(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) == set(SERVICES)


@pytest.mark.parametrize(
    ("text", "environment", "result"),
    [
        ("${A:-b}", {}, "b"),
        ("${A:-b}", {"A": "c"}, "c"),
        ("x ${A:+--data /data}", {}, "x "),
        ("x ${A:+--data /data}", {"A": "y"}, "x --data /data"),
        ("$$A ${A}", {"A": "c"}, "$A c"),
    ],
)
def test_variables_are_replaced_as_the_specification_says(
    text: str, environment: dict[str, str], result: str
) -> None:
    assert interpolated(text, environment) == result


@pytest.mark.parametrize("name", PRODUCT)
@pytest.mark.parametrize("data", ["", "data", "/somewhere"])
def test_commands_are_those_that_femtobarn_has(name: str, data: str) -> None:
    line = words(project({**GIVEN, "DATA": data})["services"][name], "command")
    assert parsed(line).command.name == line[0]


def test_producer_hands_over_and_leaves(services: dict[str, dict[str, Any]]) -> None:
    line = words(services["producer"], "command")
    given = parsed(line).params
    assert (given["executor"], given["detach"]) == ("rabbitmq", True)
    assert not given["data"], "without DATA the published files are read"
    with_data = parsed(words(project({**GIVEN, "DATA": "data"})["services"]["producer"], "command")).params
    assert [str(place) for place in with_data["data"]] == ["/data"]


def test_aggregator_collects_what_the_producer_handed_over() -> None:
    services = project({**GIVEN, "ANALYSIS": "zll"})["services"]
    out = str(parsed(words(services["producer"], "command")).params["out"])
    line = words(services["aggregator"], "command")
    assert line[1] == out == "/results/zll"
    assert mounts(services["aggregator"])["/results"] == mounts(services["producer"])["/results"]


@pytest.mark.parametrize("name", SERVICES)
def test_containers_may_do_little(name: str, services: dict[str, dict[str, Any]]) -> None:
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"] == ["/tmp", *(["/var/log/rabbitmq"] if name == "broker" else [])]
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert 0 < service["pids_limit"] <= 4096
    forbidden = {"privileged", "cap_add", "devices", "pid", "ipc", "userns_mode", "ports", "extra_hosts"}
    assert not forbidden & set(service)
    assert service.get("network_mode", "none") == "none"


def test_nobody_is_root(services: dict[str, dict[str, Any]]) -> None:
    assert services["broker"]["user"] == "rabbitmq"
    assert all("user" not in services[name] for name in PRODUCT), "the image says who it is"
    user = re.findall(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert len(user) == 1
    assert all(int(number) >= 10_000 for number in user[0])


def test_images_are_exact(services: dict[str, dict[str, Any]]) -> None:
    assert re.fullmatch(r"rabbitmq:4\.\d+\.\d+", services["broker"]["image"])
    for name in PRODUCT:
        assert services[name]["image"] == f"femtobarn:{VERSION}"
        assert services[name]["build"] == "."
        assert services[name]["pull_policy"] == "build", "never an image of that name from a registry"


def test_there_is_no_password_but_the_users() -> None:
    for missing in ({}, {"BROKER_PASSWORD_FILE": ""}):
        with pytest.raises(UnsetVariableError, match=r"docs/containers\.md"):
            project(missing)
    whole = project(GIVEN)
    assert whole["secrets"] == {"broker_password": {"file": GIVEN["BROKER_PASSWORD_FILE"]}}
    for name in ("broker", "producer", "worker", "aggregator"):
        assert whole["services"][name]["secrets"] == ["broker_password"]
    assert "secrets" not in whole["services"]["demo-data"]
    for service in whole["services"].values():
        for variable, value in service.get("environment", {}).items():
            assert "PASS" not in variable or value == "/run/secrets/broker_password"
            assert "@" not in value, "no user or password in an address"


def test_secrets_are_kept_out_of_history_and_image() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {".env", "containers/secrets/"} <= set(ignored)
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"


def test_the_broker_is_on_a_closed_network_with_ours_alone(services: dict[str, dict[str, Any]]) -> None:
    networks = project(GIVEN)["networks"]
    assert networks["queue"] == {"internal": True}
    assert services["broker"]["networks"] == ["queue"]
    assert services["aggregator"]["networks"] == ["queue"]
    for name in ("producer", "worker", "aggregator"):
        environment = services[name]["environment"]
        assert environment["FEMTOBARN_BROKER"] == "amqp://broker:5672"
        assert environment["FEMTOBARN_PLAIN_HOSTS"] == "broker"
        assert "queue" in services[name]["networks"]


def test_other_machines_come_in_by_tls_alone() -> None:
    files = {f"BROKER_{name}_FILE": f"./{name}.pem" for name in ("CA", "CERT", "KEY")}
    for missing in ("BROKER_ADDRESS", *files):
        given = {**GIVEN, **files, "BROKER_ADDRESS": "192.0.2.1"}
        del given[missing]
        with pytest.raises(UnsetVariableError, match=missing):
            project(given, COMPOSE, TLS)
    whole = project({**GIVEN, **files, "BROKER_ADDRESS": "192.0.2.1"}, COMPOSE, TLS)
    broker = whole["services"]["broker"]
    assert broker["ports"] == [{"target": 5671, "published": "5671", "host_ip": "192.0.2.1"}]
    assert [s for s in whole["services"].values() if "ports" in s] == [broker]
    assert set(broker["secrets"]) == set(whole["secrets"])
    assert broker["networks"] == ["queue", "outside"]
    assert broker["read_only"]


def test_every_variable_is_one_that_femtobarn_knows(services: dict[str, dict[str, Any]]) -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    known = set(re.findall(r"FEMTOBARN_[A-Z_]+", source))
    used = {
        variable
        for name in PRODUCT
        for variable in services[name].get("environment", {})
        if variable.startswith("FEMTOBARN_")
    }
    written = "".join((ROOT / p).read_text() for p in ("Dockerfile", "docs/containers.md"))
    used |= set(re.findall(r"FEMTOBARN_[A-Z_]+", written))
    assert len(used) > 4
    assert used - known == set()


def test_who_writes_where(services: dict[str, dict[str, Any]]) -> None:
    image = (ROOT / "Dockerfile").read_text()
    for name in PRODUCT:
        for target in mounts(services[name]):
            assert re.search(rf"--owner=10001.*[ ]{target}\b", image), (
                f"{target} must belong to the image's user"
            )
    writable = {n: {t for t, (_, closed) in mounts(services[n]).items() if not closed} for n in SERVICES}
    assert writable == {
        "broker": {"/var/lib/rabbitmq"},
        "producer": {"/cache", "/results"},
        "worker": {"/cache"},
        "aggregator": {"/cache", "/results"},
        "demo-data": {"/data"},
    }
    declared = set(project(GIVEN)["volumes"])
    assert {s for n in SERVICES for s, _ in mounts(services[n]).values() if "/" not in s} == declared
    for source, _ in mounts(services["broker"]).values():
        assert "/" not in source or (ROOT / source).is_file(), source


def test_data_of_this_machine_are_read_only() -> None:
    services = project({**GIVEN, "DATA": "/somewhere/data"})["services"]
    for name in ("producer", "worker"):
        assert mounts(services[name])["/data"] == ("/somewhere/data", True)


def test_order_of_starting(services: dict[str, dict[str, Any]]) -> None:
    needs = {n: {k: v["condition"] for k, v in services[n].get("depends_on", {}).items()} for n in SERVICES}
    assert needs == {
        "broker": {},
        "producer": {"broker": "service_healthy"},
        "worker": {"broker": "service_healthy"},
        "aggregator": {
            "broker": "service_healthy",
            "producer": "service_completed_successfully",
            "worker": "service_started",
        },
        "demo-data": {},
    }
    assert {n for n in SERVICES if services[n].get("restart") == "unless-stopped"} == {"broker", "worker"}


def test_workers_are_as_many_as_wanted(services: dict[str, dict[str, Any]]) -> None:
    assert services["worker"]["deploy"] == {"replicas": "2"}
    more = project({**GIVEN, "WORKERS": "7"})["services"]["worker"]
    assert more["deploy"] == {"replicas": "7"}
    assert "container_name" not in more, "there are several"


def test_health_is_asked_where_something_stays(services: dict[str, dict[str, Any]]) -> None:
    assert {name for name in SERVICES if "healthcheck" in services[name]} == {"broker", "worker"}
    test = " ".join(services["worker"]["healthcheck"]["test"])
    port = parsed(words(services["worker"], "command")).params["metrics_port"]
    assert f"http://127.0.0.1:{port}/metrics" in test
