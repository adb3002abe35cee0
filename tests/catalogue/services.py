"""Stand-ins for the metadata service and the portal: their paths, paging and fields, and faults by script."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from femtobarn.data.catalogue import bundled


@dataclass(frozen=True)
class Fault:
    """What is answered instead of the right thing."""

    status: int = 200
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    reset: bool = False
    hold: threading.Event | None = None
    """Nothing is answered before it is set."""
    cut: int | None = None
    """Bytes of the body after which the connection ends, though more are announced."""


ALWAYS = 10_000


@dataclass
class Services:
    """The state of both services; tests change it."""

    datasets: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    records: dict[int, dict[str, Any]] = field(default_factory=dict)
    page: int = 100
    stuck: bool = False
    """Each page is the first."""
    count: int | None = None
    requests: list[str] = field(default_factory=list)
    _faults: dict[str, deque[Fault]] = field(default_factory=dict)
    base: str = ""

    def fail(self, part: str, fault: Fault, times: int = 1) -> None:
        """Answer the next requests whose path has ``part`` with ``fault``."""
        self._faults.setdefault(part, deque()).extend([fault] * times)

    def publish(self, release: str) -> None:
        """Offer what the bundled tables say of a release."""
        rows = {d.dsid: d for d in reversed(bundled.datasets(release)) if "default" in d.valid_for_variant}
        files = bundled.files(release)
        self.datasets[release] = [
            {
                "dataset_number": str(row.dsid),
                "physics_short": row.name,
                "e_tag": "e3723",
                "cross_section_pb": row.cross_section_pb,
                "genFiltEff": 1.0,
                "kFactor": None if number % 2 else 1.0,
                "nEvents": row.n_events,
                "sumOfWeights": row.sum_of_weights,
                "sumOfWeightsSquared": row.sum_of_weights,
                "process": row.process,
                "generator": "Pythia8(v8.186)+EvtGen(v1.2.0)",
                "keywords": list(row.keywords),
                "file_list": [],
                "description": "",
                "release": {"name": release},
                "skims": [],
            }
            for number, row in enumerate(sorted(rows.values(), key=lambda d: d.dsid))
        ]
        self.datasets[release].append({"dataset_number": "data", "physics_short": "data", "skims": None})
        for record in bundled.records():
            if record.release == release:
                own = [f for f in files if f.record == record.record]
                self.offer(record.record, [entry(f.url, f.size, f.adler32) for f in own], title=record.title)

    def offer(self, record: int, files: list[dict[str, Any]], *, title: str = "", **more: Any) -> None:
        """Offer a record."""
        metadata = {"recid": str(record), "title": title, "experiment": ["ATLAS"], "files": files, **more}
        self.records[record] = {"id": str(record), "links": {}, "metadata": metadata}

    def answer(self, path: str) -> tuple[int, Any]:
        parts = urlsplit(path)
        query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        words = parts.path.strip("/").split("/")
        if words[:2] == ["api", "records"]:
            found = self.records.get(int(words[2]))
            return (404, {"status": 404, "message": "no such record"}) if found is None else (200, found)
        if words[0] == "record" and words[2:3] == ["file_index"]:
            indices = self.records[int(words[1])]["indices"]
            return 200, indices[words[3]]
        rows = self.datasets.get(query.get("release_name", ""), [])
        if words == ["datasets", "count"]:
            return 200, {"count": len(rows) if self.count is None else self.count}
        if words == ["datasets"]:
            skip = 0 if self.stuck else int(query["skip"])
            return 200, rows[skip : skip + min(int(query["limit"]), self.page)]
        return 404, {"detail": "Not Found"}

    def fault(self, path: str) -> Fault | None:
        for part, waiting in self._faults.items():
            if part in path and waiting:
                return waiting.popleft()
        return None


def entry(uri: str, size: int = 10, adler32: str = "0a0b0c0d", **more: Any) -> dict[str, Any]:
    """A file as records list it."""
    return {
        "availability": "online",
        "bucket": "09e99f71-ed58-4314-af55-7b28149f0861",
        "checksum": f"adler32:{adler32}",
        "file_id": "1",
        "key": uri.rsplit("/", 1)[-1],
        "size": size,
        "uri": uri,
        "version_id": "1",
        **more,
    }


def serve(services: Services) -> Callable[[], None]:
    """Start a server for ``services`` on loopback; return what stops it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            services.requests.append(self.path)
            fault = services.fault(self.path) or Fault()
            if fault.hold is not None:
                fault.hold.wait(20)
            if fault.reset:
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.close_connection = True
                self.connection.close()
                return
            status, value = (fault.status, None) if fault.status != 200 else services.answer(self.path)
            body = json.dumps(value).encode() if fault.body is None else fault.body
            self.send_response(status)
            for name, text in fault.headers:
                self.send_header(name, text)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            with suppress(OSError):  # who has lost patience is gone
                self.end_headers()
                self.wfile.write(body[: fault.cut])
            if fault.cut is not None:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

        def finish(self) -> None:
            if self.connection.fileno() >= 0:
                with suppress(OSError):
                    super().finish()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    services.base = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop
