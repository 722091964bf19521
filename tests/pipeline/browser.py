"""Headless Chromium over its DevTools pipe: opens a page and returns what it shows, with errors and warnings."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_COMPLAINTS = ("Runtime.exceptionThrown", "Log.entryAdded")
_LOGGED = ("error", "warning", "assert")
# The browser reads from descriptor 3 and writes to 4. The pipes have other numbers in this process.
_LAUNCHER = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)


def find_browser() -> str | None:
    """Return the path of a Chromium, or None if there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page. Messages are JSON, each ended by a zero byte; see https://chromedevtools.github.io/devtools-protocol/."""

    def __init__(self, requests: int, answers: int, limit_s: float) -> None:
        self._requests, self._answers = requests, answers
        self._until = time.monotonic() + limit_s
        self._number = 0
        self._read = b""
        self._session: str | None = None
        self.complaints: list[str] = []  # errors and warnings of the console, blocked requests, exceptions
        self.requested: list[str] = []  # addresses
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._requests, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return dict(answer["result"])

    def open(self, page: Path, *, width: int, height: int = 900, dark: bool = False, media: str = "screen") -> None:
        """Open a file on a screen of this size."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self.call("Emulation.setTouchEmulationEnabled", enabled=width < 600)
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self.call("Page.navigate", url=page.absolute().as_uri())
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, which may be a promise."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """Return the first true value of an expression."""
        while not (value := self.evaluate(expression)):
            time.sleep(0.1)
            assert time.monotonic() < self._until, f"the expression never became true: {expression}; {self.complaints}"
        return value

    def screenshot(self, path: Path) -> None:
        """Save a picture of the screen."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def print(self, path: Path) -> None:
        """Save the printed page as PDF."""
        path.write_bytes(base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True)["data"]))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            part = os.read(self._answers, 1 << 20)
            assert part, "the browser ended"
            self._read += part
        message, _, self._read = self._read.partition(b"\0")
        event: dict[str, Any] = json.loads(message)
        method, parameters = event.get("method"), event.get("params", {})
        if method in _COMPLAINTS or (method == "Runtime.consoleAPICalled" and parameters["type"] in _LOGGED):
            self.complaints.append(json.dumps(parameters)[:500])
        elif method == "Network.requestWillBeSent":
            self.requested.append(parameters["request"]["url"])
        return event


@contextmanager
def browser(profile: Path, limit_s: float = 120) -> Iterator[Browser]:
    """Open a browser, and close it at the end of the block.

    Args:
        profile: an empty folder for the browser.
        limit_s: the longest time to wait for an expression.
    """
    name = find_browser()
    assert name, "no Chromium"
    theirs, requests = os.pipe()
    answers, ours = os.pipe()
    command = [
        name,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--remote-debugging-pipe",
        f"--user-data-dir={profile}",
        "about:blank",
    ]
    launch = [sys.executable, "-c", _LAUNCHER, str(theirs), str(ours), *command]
    with subprocess.Popen(
        launch, pass_fds=(theirs, ours), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        os.close(theirs)
        os.close(ours)
        try:
            yield Browser(requests, answers, limit_s)
        finally:
            os.close(requests)
            os.close(answers)
            process.terminate()


def take_picture(page: Path, picture: Path, selector: str = "body") -> None:
    """Save a picture of the page, from the first element that matches the selector."""
    with tempfile.TemporaryDirectory() as profile, browser(Path(profile)) as opened:
        opened.call("Emulation.setScrollbarsHidden", hidden=True)
        opened.open(page, width=1060, height=850)
        opened.wait_for("document.documentElement.dataset.plots")
        opened.evaluate(f"document.querySelector({json.dumps(selector)}).scrollIntoView()")
        opened.screenshot(picture)


if __name__ == "__main__":
    take_picture(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
