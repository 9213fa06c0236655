"""A page in headless Chromium that can be asked and used: the DevTools protocol over two pipes, without a driver."""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from crm_platform_tests.browser.chromium import QUIET

_PATIENCE_SECONDS = 60.0
_KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowRight": 39}
WATCHED = ("Page", "Runtime", "Network", "Log", "Audits")


class Page:
    """One page of one browser; `events` holds what it reported since it was last opened."""

    def __init__(self, profile: Path) -> None:
        from_us, self._to_browser = os.pipe()
        self._from_browser, to_us = os.pipe()
        told = ["chromium", *QUIET, f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank"]
        command = ["bash", "-c", f'exec "$@" 3<&{from_us} 4>&{to_us}', "bash", *told]  # sh knows no number above 9
        self._process = subprocess.Popen(
            command, pass_fds=(from_us, to_us), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(from_us)
        os.close(to_us)
        self._unread = b""
        self._asked = 0
        self._session = ""
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Page:
        targets = self.ask("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self.ask("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in WATCHED:
            self.ask(f"{domain}.enable")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._session = ""
        try:
            self.ask("Browser.close")
            self._process.wait(20)
        finally:
            self._process.kill()
            self._process.wait()
            os.close(self._to_browser)
            os.close(self._from_browser)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer to one command; what the browser reports meanwhile is kept in `events`."""
        self._asked += 1
        command: dict[str, Any] = {"id": self._asked, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._to_browser, json.dumps(command).encode() + b"\0")
        while (message := self._next()).get("id") != self._asked:
            self.events.append(message)
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']['message']}")
        answer: dict[str, Any] = message["result"]
        return answer

    def _next(self) -> dict[str, Any]:
        until = time.monotonic() + _PATIENCE_SECONDS
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._from_browser], [], [], max(until - time.monotonic(), 0))
            piece = os.read(self._from_browser, 1 << 20) if ready else b""
            if not piece:
                raise TimeoutError("Chromium does not answer")
            self._unread += piece
        text, _, self._unread = self._unread.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message

    def open(self, file: Path) -> None:
        """Show a file of this machine; back when it has loaded."""
        self.visit(file.as_uri())

    def visit(self, url: str) -> None:
        """Show what is at `url`; back when it has loaded, which may be before its scripts have drawn anything."""
        self.events = []
        self.ask("Page.navigate", url=url)
        while not self.reported("Page.loadEventFired"):
            self.events.append(self._next())

    def reported(self, method: str) -> list[dict[str, Any]]:
        """What the page reported under `method` since it was opened."""
        return [event["params"] for event in self.events if event.get("method") == method]

    def look(self, expression: str) -> Any:
        """The value of an expression of JavaScript in the page, awaited where it is a promise."""
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"].get("exception", {}).get("description")))
        return found["result"].get("value")

    def until(self, expression: str, patience_seconds: float = _PATIENCE_SECONDS) -> Any:
        """The first true value of the expression, which is asked for again and again; TimeoutError without one."""
        until = time.monotonic() + patience_seconds
        while not (found := self.look(expression)):
            if time.monotonic() > until:
                raise TimeoutError(f"not within {patience_seconds:.0f} s: {expression}")
            time.sleep(0.25)
        return found

    def width(self, pixels: int, height: int = 900) -> None:
        """Make the window this wide."""
        self.ask("Emulation.setDeviceMetricsOverride", width=pixels, height=height, deviceScaleFactor=1, mobile=False)

    def settled(self) -> None:
        """Wait until what was just done is drawn, and its events are over."""
        self.look("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def point(self, x: float, y: float, *, click: bool = False) -> None:
        """Move the mouse there, and press its button where `click`."""
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased") if click else ():
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def tap(self, x: float, y: float) -> None:
        """Touch the screen there with a finger."""
        self.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        self.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def type(self, text: str) -> None:
        """Write into what has the focus."""
        self.ask("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """Press a key and let it go."""
        text = {"text": "\r"} if key == "Enter" else {}
        known = {"key": key, "code": key, "windowsVirtualKeyCode": _KEYS[key]}
        self.ask("Input.dispatchKeyEvent", type="keyDown", **known, **text)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **known)

    def picture(self) -> bytes:
        """What the window shows, as PNG."""
        return base64.b64decode(self.ask("Page.captureScreenshot")["data"])
