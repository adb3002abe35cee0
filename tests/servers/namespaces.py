"""Namespaces of the kernel, each held by one process that ends with the test process."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from .daemons import kill_all

_PROBE = "ip link add a0 type veth peer name b0 && ip link add bridge type bridge && mount -t tmpfs none /tmp"

_HOLD = """
set +e
echo ready
cat >/dev/null
own=$(readlink /proc/self/ns/net)
for process in /proc/[0-9]*; do
    test "$(readlink "$process/ns/net")" != "$own" || echo "${process#/proc/}"
done 2>/dev/null | grep -vx $$ | xargs -r kill -KILL
"""
"""Lives until the test process closes its input or dies, then ends what else runs in its network."""


def permitted(lost: str) -> None:
    """Skip unless the kernel lets us make namespaces, links and mounts; ``lost`` says what is not tested."""
    done = subprocess.run(
        ["unshare", "--net", "--mount", "--uts", "sh", "-c", _PROBE],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode:
        pytest.skip(f"NO NAMESPACES: {lost} NOT tested; root may make them ({done.stderr.strip()})")


def call(command: Sequence[str]) -> None:
    """Run a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"


class Namespace:
    """A network of its own, and more; what runs in it is ended when it is stopped, or the test process dies.

    Parameters
    ----------
    name
        what errors call it
    script, words
        what a shell does in it first, and the words it is given
    kinds
        what else is its own (``--mount``, ``--uts``)
    """

    def __init__(self, name: str, script: str, *words: str, kinds: Sequence[str] = ()) -> None:
        self.name, self._kinds = name, ("--net", *kinds)
        self._started: list[subprocess.Popen[Any]] = []
        self._holder = subprocess.Popen(
            ["unshare", *self._kinds, "sh", "-c", f"set -e\n{script}\n{_HOLD}", name, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self._holder.stdout is not None
        said = self._holder.stdout.readline()
        if said != b"ready\n":
            said += self._holder.communicate(timeout=20)[0]
            pytest.fail(f"{name} could not be made: {said.decode(errors='replace')}")
        self.pid = self._holder.pid

    def inside(self, *command: str) -> list[str]:
        """The command that runs ``command`` in it."""
        return ["nsenter", f"--target={self.pid}", *self._kinds, "--", *command]

    def popen(
        self, command: Sequence[str], env: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[Any]:
        """Start a process in it, in ``/root``, with no setting of the test process but the path, and ``env``."""
        options.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(
            self.inside("env", "--chdir=/root", *command),
            env={"PATH": os.environ["PATH"], "HOME": "/root", "LANG": "C.UTF-8", **(env or {})},
            start_new_session=True,
            **options,
        )
        self._started.append(process)
        return process

    def run(self, *command: str, env: Mapping[str, str] | None = None, seconds: float = 60.0) -> str:
        """What a command in it prints; it must succeed."""
        with self.popen(command, env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            try:
                said, _ = process.communicate(timeout=seconds)
            except BaseException:
                process.kill()
                raise
        assert process.returncode == 0, f"{' '.join(command)} on {self.name}: {said}"
        return str(said)

    def stop(self) -> None:
        """End all that runs in it."""
        own = Path(f"/proc/{self.pid}/ns/net").readlink()
        kill_all(lambda folder: (folder / "ns" / "net").readlink() == own, self.name)
        for process in (*self._started, self._holder):
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            process.wait(20)
