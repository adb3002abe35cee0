"""The real XRootD server on loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Self

import pytest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def xrootd_program() -> str:
    """The path of the XRootD server; installs it where that is possible, else skips."""
    if shutil.which("xrootd") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        packages = ["xrootd-server", "xrootd-client"]
        for command in (
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
        ):
            subprocess.run(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=600
            )
    program = shutil.which("xrootd")
    if program is None:
        pytest.skip(
            "NO XROOTD: root:// was NOT tried; install xrootd (apt-get install xrootd-server xrootd-client)"
        )
    return program


class XRootDServer:
    """The real server, by root:// and http on loopback; ``files`` is where its files are put.

    It lives in ``folder``, unless we are root: the server refuses to be, and pytest closes its folders
    to all others each time it starts. Then it gets a folder of its own, which ``stop`` removes.
    """

    def __init__(self, folder: Path, *, extra: str = "", tls: tuple[Path, Path] | None = None) -> None:
        self.folder = folder
        if os.geteuid() == 0:
            self.folder = Path(tempfile.mkdtemp(prefix="xrootd-"))
            self.folder.chmod(0o755)
        self.files = self.folder / "store" / "data"
        self.files.mkdir(parents=True)
        self._program = xrootd_program()
        self._extra = extra
        if tls is not None:
            cert, key = (self.folder / name for name in ("cert.pem", "key.pem"))
            shutil.copyfile(tls[0], cert)
            shutil.copyfile(tls[1], key)
            key.chmod(0o600)
            self._extra += f"xrd.tls {cert} {key}\nxrd.tlsca certfile {cert}\nxrootd.tls capable all\n"
        self._process: subprocess.Popen[bytes] | None = None
        self.port, self.http_port = free_port(), free_port()
        self.start()

    def root(self, name: str) -> str:
        return f"root://127.0.0.1:{self.port}//data/{name}"

    def http(self, name: str) -> str:
        return f"http://127.0.0.1:{self.http_port}/data/{name}"

    def put(self, name: str, content: bytes) -> str:
        path = self.files / name
        path.write_bytes(content)
        path.chmod(0o644)
        return self.root(name)

    def start(self) -> None:
        """Start the server (again, on the same ports), and wait until it takes connections."""
        config = self.folder / "xrootd.cfg"
        config.write_text(
            f"xrd.port {self.port}\n"
            "all.export /data\n"
            f"oss.localroot {self.folder / 'store'}\n"
            f"all.adminpath {self.folder / 'admin'}\n"
            f"all.pidpath {self.folder / 'run'}\n"
            f"xrd.protocol http:{self.http_port} libXrdHttp.so\n"
            "xrootd.chksum max 2 adler32\n"
            "xrd.network nodnr\n" + self._extra
        )
        command = [self._program, "-c", str(config), "-l", str(self.folder / "log"), "-n", "test"]
        if os.geteuid() == 0:
            command += ["-R", "xrootd"]
            self._give_away()
        self._process = subprocess.Popen(
            command,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for port in (self.port, self.http_port):
            _wait_for(port, self._process)

    def pause(self) -> None:
        """Stop it, and wait until each of its threads stands still."""
        self._signal(signal.SIGSTOP)
        end = time.monotonic() + 10
        while not all(state == "T" for state in self._states()):
            assert time.monotonic() < end, "the XRootD server did not stop"
            threading.Event().wait(0.002)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a crash would."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(20)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
        if os.geteuid() == 0:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _states(self) -> list[str]:
        assert self._process is not None
        threads = Path(f"/proc/{self._process.pid}/task").iterdir()
        return [(thread / "stat").read_text().rpartition(")")[2].split()[0] for thread in threads]

    def _signal(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _give_away(self) -> None:
        """Give its folder to the user that the server becomes."""
        if subprocess.run(["id", "xrootd"], capture_output=True, check=False).returncode:
            subprocess.run(["useradd", "-r", "xrootd"], check=True, capture_output=True)
        subprocess.run(["chown", "-R", "xrootd", str(self.folder)], check=True)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    pause = threading.Event()
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert process.poll() is None, "the XRootD server ended at once"
        pause.wait(0.02)
    pytest.fail(f"the XRootD server did not listen on port {port}")
