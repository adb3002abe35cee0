"""Hosts made of namespaces: each with its own address, name and disk, on one network that can be cut."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from .daemons import installed, until
from .namespaces import Namespace, call, permitted

CHECKOUT = Path(__file__).resolve().parents[2]
LOST = "several hosts were"

_SWITCH = """
ip link add name bridge type bridge
ip link set bridge up
"""

_HOST = """
disk=$1 names=$2
shift 2
echo "$0" >/proc/sys/kernel/hostname
ip link set lo up
mount --make-rprivate /
mount -t tmpfs -o mode=755 "$0" "$disk"
cd "$disk"
mkdir -p proc sys dev tmp run root var/tmp .old
chmod 1777 tmp var/tmp
for path in "$@"; do
    if test -d "$path"; then
        mkdir -p ".$path"
    else
        mkdir -p ".${path%/*}"
        touch ".$path"
    fi
    mount --bind "$path" ".$path"
    mount -o remount,bind,ro ".$path"
done
for path in /bin /sbin /lib /lib64; do
    test ! -L "$path" || cp -P "$path" .
done
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount --rbind /dev dev
mount -t tmpfs -o mode=1777 tmpfs dev/shm
printf '%s' "$names" >run/hosts
echo "$0" >run/hostname
: >run/resolv.conf
for file in hosts hostname resolv.conf; do
    test ! -e "etc/$file" || mount --bind "run/$file" "etc/$file"
done
pivot_root . .old
cd /
umount -l /.old
rmdir /.old
"""


class Host(Namespace):
    """One of ``Hosts``: what runs on it has its network, its name and its files.

    ``name`` is what it calls itself, ``address`` is where the others and the test process reach it.
    """

    def __init__(self, name: str, address: str, *words: str) -> None:
        super().__init__(name, _HOST, *words, kinds=("--mount", "--uts"))
        self.address = address

    def path(self, there: str | Path) -> Path:
        """Where the test process itself finds the file ``there`` (an absolute path) of this host."""
        return Path(f"/proc/{self.pid}/root") / str(there).lstrip("/")


class Hosts:
    """Some hosts on one network, to which the test process belongs too, at ``gateway``.

    Their disks are in memory, empty at first, shared with nobody, and gone at the end. All they see of this
    machine, and cannot change, are its programs, the Python that runs here, the checkout, and ``visible``.

    Parameters
    ----------
    count
        how many
    visible
        more files and folders of this machine which each of them sees
    """

    def __init__(self, count: int = 3, *, visible: Sequence[Path] = ()) -> None:
        installed(["ip"], ["iproute2"], LOST)
        permitted(LOST)
        self._count = count
        standard = [Path(path) for path in ("/usr", "/etc", sys.base_prefix, sys.prefix)]
        self._visible = _outermost([*standard, CHECKOUT, *visible])
        self.folder = Path(tempfile.mkdtemp(prefix="hosts-"))
        self._network = _unused_network()
        self.link = "tests" + self._network.removeprefix("10").replace(".", "-")
        self.gateway = f"{self._network}.1"
        self._hosts: list[Host] = []
        self._switch: Namespace | None = None

    def start(self) -> None:
        """Make the network, then the hosts."""
        self._switch = Namespace("switch", _SWITCH)
        addresses = {f"host{n}": f"{self._network}.{n + 10}" for n in range(self._count)}
        self._plug(os.getpid(), self.link, "uplink")
        call(["ip", "address", "add", f"{self.gateway}/24", "dev", self.link])
        call(["ip", "link", "set", self.link, "up"])
        known = {"localhost": "127.0.0.1", "gateway": self.gateway, **addresses}
        names = "".join(f"{address} {name}\n" for name, address in known.items())
        for name, address in addresses.items():
            disk = self.folder / name
            disk.mkdir()
            host = Host(name, address, str(disk), names, *map(str, self._visible))
            self._hosts.append(host)
            self._plug(host.pid, "eth0", name)
            call(host.inside("ip", "address", "add", f"{address}/24", "dev", "eth0"))
            call(host.inside("ip", "link", "set", "eth0", "up"))
            # programs look for their own address on the way to the rest of the world
            call(host.inside("ip", "route", "add", "default", "via", self.gateway))

    def stop(self) -> None:
        """End all that runs on them, and remove them and their network."""
        for namespace in (*self._hosts, *([self._switch] if self._switch else [])):
            namespace.stop()
        self._hosts, self._switch = [], None
        # it goes with the switch, but the kernel takes its time
        subprocess.run(["ip", "link", "delete", self.link], capture_output=True, check=False)
        until(lambda: not Path(f"/sys/class/net/{self.link}").exists(), 20, f"{self.link} is left")
        shutil.rmtree(self.folder, ignore_errors=True)

    def cut(self, host: Host) -> None:
        """Take it off the network: what is sent to it or by it is lost without a word."""
        self._at_switch(host.name, "nomaster")

    def join(self, host: Host) -> None:
        """Bring it back."""
        self._at_switch(host.name, "master", "bridge")

    def __getitem__(self, number: int) -> Host:
        return self._hosts[number]

    def __len__(self) -> int:
        return len(self._hosts)

    def __iter__(self) -> Iterator[Host]:
        return iter(self._hosts)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _plug(self, pid: int, link: str, port: str) -> None:
        """Lay a cable from ``link`` in the network of a process to ``port`` of the switch."""
        assert self._switch is not None
        ends = ["type", "veth", "peer", "name", link, "netns", str(pid)]
        call(self._switch.inside("ip", "link", "add", "name", port, *ends))
        self._at_switch(port, "master", "bridge", "up")

    def _at_switch(self, port: str, *change: str) -> None:
        assert self._switch is not None, "the hosts are not started"
        call(self._switch.inside("ip", "link", "set", port, *change))


def _outermost(paths: Iterable[Path]) -> list[Path]:
    """Without those that lie in others of them."""
    kept: list[Path] = []
    for path in sorted({path.resolve() for path in paths}):
        if not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    return kept


def _unused_network() -> str:
    """The first three numbers of a private network that this machine does not know."""
    command = ["ip", "-4", "route", "show", "table", "all"]
    known = subprocess.run(command, capture_output=True, text=True, check=True)
    while True:
        numbers = random.SystemRandom().choices(range(1, 255), k=2)
        network = "10." + ".".join(map(str, numbers))
        if f"{network}." not in known.stdout:
            return network
