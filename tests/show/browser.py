"""A headless Chromium that is steered: real keys and clicks, and what the page says, through a pipe."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

DEADLINE = 60.0

_KEYS = {
    "Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36,
    "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40,
}  # fmt: skip


class Browser:
    """One page of a headless Chromium, driven by its DevTools protocol.

    Scripts that `ask` runs are not subject to the page's policy; all else is as for a person.
    """

    def __init__(self, program: Path, *, size: tuple[int, int] = (1280, 900)) -> None:
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        to_read, to_write = (_moved(one) for one in (to_read, to_write))
        words = [
            str(program), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--remote-debugging-pipe", f"--user-data-dir={self._profile.name}",
            f"--window-size={size[0]},{size[1]}", "about:blank",
        ]  # fmt: skip
        # Chromium reads commands from descriptor 3 and answers on 4
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{to_read} 4>&{to_write}', "bash", *words],
            pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self.complaints: list[str] = []
        """What the page's console holds: blocked styles and scripts, uncaught errors."""
        try:
            self._prepare(size)
        except BaseException:
            self.close()
            raise

    def _prepare(self, size: tuple[int, int]) -> None:
        found = self._call("Target.createTarget", url="about:blank")
        self._session = self._call("Target.attachToTarget", targetId=found["targetId"], flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")
        self.resize(*size)

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)
        os.close(self._read)
        os.close(self._write)
        self._profile.cleanup()

    def open(self, address: str) -> None:
        """Show a page anew, with nothing kept of what was shown before."""
        self._call("Page.navigate", url="about:blank")
        self.complaints.clear()
        self._call("Page.navigate", url=address)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def resize(self, width: int, height: int, scale: float = 1) -> None:
        """Set the size of the page in pixels."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=scale, mobile=False,
        )  # fmt: skip

    def darken(self, *, dark: bool) -> None:
        """Let the reader prefer dark pages, or light ones."""
        value = "dark" if dark else "light"
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": value}])

    def before_each_page(self, script: str) -> None:
        """Run ``script`` in every page before its own scripts."""
        self._call("Page.addScriptToEvaluateOnNewDocument", source=script)

    def ask(self, script: str) -> Any:
        """Return the value of an expression in the page, awaited if it is a promise."""
        done = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in done:
            raise AssertionError(done["exceptionDetails"])
        return done["result"].get("value")

    def until(self, script: str) -> Any:
        """Return the value of an expression as soon as it is true."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            value = self.ask(script)
            if value:
                return value
            # one frame of the page, so that it gets on
            self.ask("new Promise(r => { setTimeout(r, 20); })")
        msg = f"{script} did not become true; console: {self.complaints}"
        raise AssertionError(msg)

    def key(self, name: str, modifiers: int = 0) -> None:
        """Press and release a key: a character, or one with a name."""
        code = _KEYS.get(name) or ord(name.upper())
        common = {"key": name, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        text = {"text": "\r"} if name == "Enter" else {} if len(name) > 1 else {"text": name}
        self._call("Input.dispatchKeyEvent", type="keyDown", **common, **text)
        self._call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text: str) -> None:
        """Type ``text`` into what has the focus, key by key."""
        for character in text:
            self.key(character)

    def move(self, x: float, y: float) -> None:
        """Move the pointer."""
        self._call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, selector: str) -> None:
        """Click the middle of an element."""
        x, y = self.middle(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the button, move the pointer, and let go."""
        steps = [("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end)]
        for kind, (x, y) in steps:
            self._call(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1
            )

    def middle(self, selector: str) -> tuple[float, float]:
        """Return the middle of an element that is made visible first."""
        found = self.ask(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: 'nearest'}});"
            "const b = e.getBoundingClientRect(); return [b.left + b.width / 2, b.top + b.height / 2]; })()"
        )
        return found[0], found[1]

    def picture(self, path: Path, *, whole: bool = False) -> Path:
        """Write what is seen as a PNG file."""
        more = {"captureBeyondViewport": True} if whole else {}
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", format="png", **more)["data"]))
        return path

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + DEADLINE
        while True:
            answer = self._next(end, method)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]
            self._listen(answer)

    def _next(self, end: float, waiting_for: str) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            new = os.read(self._read, 1 << 16) if ready else b""
            if not new:
                raise AssertionError(f"Chromium gave no answer to {waiting_for}")
            self._rest += new
        first, self._rest = self._rest.split(b"\0", 1)
        return json.loads(first)

    def _listen(self, event: dict[str, Any]) -> None:
        parameters = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", details["text"]))
        elif event.get("method") == "Log.entryAdded":
            self.complaints.append(parameters["entry"]["text"])
        elif event.get("method") == "Runtime.consoleAPICalled" and parameters["type"] in {"error", "warning"}:
            self.complaints.append(str(parameters["args"]))


def _moved(descriptor: int) -> int:
    """Return a descriptor of the same that is neither 3 nor 4."""
    new = fcntl.fcntl(descriptor, fcntl.F_DUPFD, 10)
    os.close(descriptor)
    return new
