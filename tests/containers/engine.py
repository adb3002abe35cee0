"""Images that are really built, and containers that are really run, in a store of their own.

No registry of images is asked: a base image is made of Debian's packages, under the name of the one that the
Dockerfile wants. It has Debian's Python instead of the official build of Python; all else is the same.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from tests.servers.daemons import installed

from .composition import ROOT, mounts, words

PROGRAMS = ("buildah", "podman", "runc", "mmdebstrap", "catatonit")
TAG = "localhost/femtobarn:tested"

# what this needs to run without systemd and without a right to raise limits
_RUNTIME = ("--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "file")
_HERE = ("--pull", "never", "--network", "host", "--no-healthcheck")
_LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000")


class Engine:
    """A store of images, containers and volumes in ``folder``.

    Parameters
    ----------
    folder
        an empty folder; some gigabytes
    secrets
        name of a secret to the file that holds it
    hosts
        name of a host to its address, for all containers
    """

    def __init__(self, folder: Path, *, secrets: Mapping[str, Path], hosts: Mapping[str, str]) -> None:
        installed(PROGRAMS, PROGRAMS, "images and containers were")
        self._folder, self._secrets, self._hosts = folder, dict(secrets), dict(hosts)
        store = ("--root", str(folder / "store"), "--runroot", str(folder / "run"), "--storage-driver", "vfs")
        self._buildah, self._podman = ("buildah", *store), ("podman", *store, *_RUNTIME)

    def build(self) -> None:
        """Make the base, and then the image as the Dockerfile says."""
        base = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[0]
        context = self._folder / "base"
        context.mkdir()
        self._do(
            "mmdebstrap",
            "--variant=minbase",
            "--include=python3,python3-venv,ca-certificates",
            "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-exclude=/usr/share/man/*",
            '--customize-hook=ln -s /usr/bin/python3 "$1/usr/local/bin/python"',
            "bookworm",
            str(context / "root.tar"),
        )
        (context / "Dockerfile").write_text("FROM scratch\nADD root.tar /\n")
        self._bud(f"docker.io/library/{base}", context)
        self._bud(TAG, ROOT)

    def size(self) -> int:
        """The bytes of the image with its base."""
        return int(self._do(*self._podman, "image", "inspect", "--format", "{{.Size}}", TAG).stdout)

    def run(
        self,
        service: Mapping[str, Any],
        line: Sequence[str] | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        entrypoint: str = "",
    ) -> subprocess.CompletedProcess[str]:
        """Run a service of compose.yaml, or another ``line`` in its place, until it ends."""
        command = self._command(service, line, environment or {}, entrypoint)
        return self._do(*self._podman, "run", "--rm", *command, checked=False)

    def start(self, name: str, service: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        """Start a service of compose.yaml and leave it running."""
        command = self._command(service, None, environment, "")
        self._do(*self._podman, "run", "--detach", "--name", name, "--hostname", name, *command)

    def execute(self, name: str, line: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run ``line`` in a running container."""
        return self._do(*self._podman, "exec", name, *line, checked=False)

    def stop(self, name: str, seconds: int) -> int:
        """Ask a container to end; kill it after ``seconds``. Its exit code."""
        self._do(*self._podman, "stop", "--time", str(seconds), name)
        return int(self._do(*self._podman, "inspect", "--format", "{{.State.ExitCode}}", name).stdout)

    def logs(self, name: str) -> str:
        done = self._do(*self._podman, "logs", name, checked=False)
        return done.stdout + done.stderr

    def volume(self, name: str) -> Path:
        """Where a named volume is on this machine."""
        found = self._do(*self._podman, "volume", "inspect", "--format", "{{.Mountpoint}}", name)
        return Path(found.stdout.strip())

    def remove(self) -> None:
        """End what runs, and remove everything."""
        self._do(*self._podman, "rm", "--all", "--force", "--time", "0", checked=False)
        self._do(*self._podman, "volume", "rm", "--all", "--force", checked=False)
        self._do(*self._buildah, "rm", "--all", checked=False)
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def _bud(self, tag: str, context: Path) -> None:
        self._do(
            *self._buildah, "bud", "--isolation", "chroot", "--network", "host", "--pull-never",
            "--volume", "/etc/ssl/certs:/etc/ssl/certs:ro", "--format", "docker", "--tag", tag, str(context),
        )  # fmt: skip

    def _command(
        self,
        service: Mapping[str, Any],
        line: Sequence[str] | None,
        environment: Mapping[str, str],
        entrypoint: str,
    ) -> list[str]:
        assert service["read_only"]
        found = [*_HERE, *_LIMITS, "--read-only", "--read-only-tmpfs=false"]
        found += [f"--tmpfs={target}" for target in service["tmpfs"]]
        found += [f"--cap-drop={name}" for name in service["cap_drop"]]
        found += [f"--security-opt={option.removesuffix(':true')}" for option in service["security_opt"]]
        found += [f"--memory={service['mem_limit']}", f"--pids-limit={service['pids_limit']}"]
        found += ["--init"] if service.get("init") else []
        found += [f"--add-host={host}:{address}" for host, address in self._hosts.items()]
        for name, value in {**service.get("environment", {}), **environment}.items():
            found.append(f"--env={name}={value}")
        for name in service.get("secrets", []):
            found.append(f"--volume={self._secrets[name]}:/run/secrets/{name}:ro")
        for target, (source, closed) in mounts(service).items():
            found.append(f"--volume={source}:{target}{':ro' if closed else ''}")
        found += [f"--entrypoint={entrypoint}"] if entrypoint else []
        return [*found, TAG, *(words(service, "command") if line is None else line)]

    def _do(self, *command: str, checked: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        assert not checked or done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done
