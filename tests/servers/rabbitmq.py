"""The real RabbitMQ on loopback."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Self

import pytest

from .certificates import Certificates
from .daemons import Daemon, as_user, free_port, installed, listens, own_folder

SCRIPTS = Path("/usr/lib/rabbitmq/bin")
"""The scripts that run as any user; those on the path insist on one user and its folders."""


class RabbitMQ:
    """A node of its own: user, password, host, ports and data are no one else's.

    Parameters
    ----------
    tls
        opens a second port that speaks TLS with this certificate
    addresses
        more addresses of this machine to listen on, beside 127.0.0.1
    heartbeat
        seconds that the broker proposes to clients; a client may ask for less
    consumer_timeout
        seconds after which a consumer that does not acknowledge loses its channel (looked at each second)
    """

    user, vhost = "femtobarn", "tests"

    def __init__(
        self,
        *,
        tls: Certificates | None = None,
        addresses: tuple[str, ...] = (),
        heartbeat: int = 60,
        consumer_timeout: float = 1800.0,
    ) -> None:
        installed(["rabbitmqctl", "epmd"], ["rabbitmq-server"], "the RabbitMQ executor was")
        if not SCRIPTS.is_dir():
            pytest.skip(f"NO RABBITMQ IN {SCRIPTS}: the RabbitMQ executor was NOT tested")
        self.folder = own_folder("rabbitmq", "rabbitmq")
        self.log = self.folder / "log"
        self.port, self.tls_port = free_port(), free_port() if tls else None
        self.password = secrets.token_hex(16)
        self._addresses = ("127.0.0.1", *addresses)
        self._node = f"tests{self.port}@localhost"
        self._environment = self._make_environment()
        self._configure(tls, heartbeat, consumer_timeout)
        self._epmd = Daemon(
            [*as_user("rabbitmq"), "epmd", "-address", "127.0.0.1"],
            log=self.log / "epmd.out",
            environment=self._environment,
        )
        self._server = Daemon(
            [*as_user("rabbitmq"), str(SCRIPTS / "rabbitmq-server")],
            log=self.log / "server.out",
            environment=self._environment,
        )

    @property
    def url(self) -> str:
        return self.at("127.0.0.1")

    @property
    def tls_url(self) -> str:
        return self.at("127.0.0.1", tls=True)

    @property
    def running(self) -> bool:
        return self._server.running

    def at(self, address: str, *, tls: bool = False) -> str:
        """Its URL for those who reach it at ``address``, with user and password."""
        scheme, port = ("amqps", self.tls_port) if tls else ("amqp", self.port)
        assert port is not None, "it was made without tls"
        return f"{scheme}://{self.user}:{self.password}@{address}:{port}/{self.vhost}"

    def start(self) -> None:
        """Start it (again, on the same port and data), and wait until it takes connections."""
        self._epmd.start()
        self._server.start()
        self._server.wait_until(
            lambda: (
                all(listens(self.port, address) for address in self._addresses)
                and (self.tls_port is None or listens(self.tls_port))
            ),
            90,
            "RabbitMQ does not listen",
        )

    def stop(self) -> None:
        """End it as its operator would."""
        self._server.stop(60)
        self._epmd.kill()

    def kill(self, *, settled: bool = True) -> None:
        """End it as a crash would.

        RabbitMQ 3.10 notes new quorum queues on disk three seconds late; if it is killed earlier, such a
        queue has no leader ever after, and what uses it hangs. With ``settled`` it notes them first.
        """
        if settled and self.running:
            self.ctl("eval", "lists:foreach(fun dets:sync/1, dets:all()).")
        self._server.kill()
        self._epmd.kill()

    def pause(self) -> None:
        """Make it answer nothing, with its connections open, until ``resume``."""
        self._server.pause()

    def resume(self) -> None:
        self._server.resume()

    def restart(self) -> None:
        self.stop()
        self.start()

    def ctl(self, *words: str) -> str:
        """What ``rabbitmqctl`` with ``words`` prints."""
        done = subprocess.run(
            [*as_user("rabbitmq"), str(SCRIPTS / "rabbitmqctl"), "--quiet", *words],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"rabbitmqctl {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def purge(self) -> None:
        """Remove every queue, exchange and message, and end every connection."""
        vhost, user = (f'<<"{name}">>' for name in (self.vhost, self.user))
        everything = '<<".*">>'
        self.ctl(
            "eval",
            f"rabbit_vhost:delete({vhost}, {user}), rabbit_vhost:add({vhost}, {user}), "
            "rabbit_auth_backend_internal:set_permissions("
            f"{user}, {vhost}, {everything}, {everything}, {everything}, {user}).",
        )

    def remove(self) -> None:
        """End it at once and remove its data."""
        self.kill(settled=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def _make_environment(self) -> dict[str, str]:
        # nothing of this shell, and nothing below /etc and /var
        folder = self.folder
        loopback = "-kernel inet_dist_use_interface {127,0,0,1}"
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(free_port()),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.log),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_SCHEMA_DIR": str(folder / "schema"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "config"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{loopback} +S 2:2",
            "RABBITMQ_CTL_ERL_ARGS": loopback,
        }

    def _configure(self, tls: Certificates | None, heartbeat: int, consumer_timeout: float) -> None:
        lines = [f"listeners.tcp.{n} = {a}:{self.port}" for n, a in enumerate(self._addresses, 1)]
        lines += [
            f"default_user = {self.user}",
            f"default_pass = {self.password}",
            f"default_vhost = {self.vhost}",
            f"heartbeat = {heartbeat}",
            f"consumer_timeout = {round(consumer_timeout * 1000)}",
            "vm_memory_high_watermark.absolute = 1GB",
            "disk_free_limit.absolute = 200MB",
        ]
        if tls is not None:
            lines += [f"listeners.ssl.{n} = {a}:{self.tls_port}" for n, a in enumerate(self._addresses, 1)]
            lines += ["ssl_options.verify = verify_none", "ssl_options.fail_if_no_peer_cert = false"]
            for option, source in (("cacertfile", tls.ca), ("certfile", tls.cert), ("keyfile", tls.key)):
                self._put(source.name, source.read_text())
                lines.append(f"ssl_options.{option} = {self.folder / source.name}")
        self._put("rabbitmq.conf", "\n".join(lines) + "\n")
        # how often consumer_timeout is looked at has no name in rabbitmq.conf; the default is a minute
        self._put("advanced.config", "[{rabbit, [{channel_tick_interval, 1000}]}].\n")
        self._put("enabled_plugins", "[].\n")
        self._put(".erlang.cookie", secrets.token_hex(16))
        self.log.mkdir()
        self._give(self.log)

    def _put(self, name: str, text: str) -> None:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text)
        self._give(path)

    def _give(self, path: Path) -> None:
        if os.geteuid() == 0:
            shutil.chown(path, "rabbitmq", "rabbitmq")
