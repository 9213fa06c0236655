"""Storage that answers as S3 does (moto), on a free port of this machine; it can be told to refuse, or to do less."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from upath import UPath
from werkzeug.serving import make_server

_DENIED = b"<Error><Code>AccessDenied</Code><Message>no space left in your contract</Message></Error>"
_SLOW = b"<Error><Code>SlowDown</Code><Message>ask again</Message></Error>"
_CONDITIONS = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH")


@dataclass
class S3Server:
    """What it does not do at present; how many buckets there are, how often somebody looked."""

    refused: Callable[[str], bool] | None = None  # puts of these keys
    ignores_conditions: bool = False
    answers_to_lose: int = 0  # of the next puts, which are done all the same
    buckets: int = 0
    looks: int = 0  # at objects, without their content
    backend: Any = field(default_factory=lambda: DomainDispatcherApplication(create_backend_app))

    def __call__(self, request: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer, as WSGI has it."""
        self.looks += request["REQUEST_METHOD"] == "HEAD"
        if self.ignores_conditions:
            request = {name: value for name, value in request.items() if name not in _CONDITIONS}
        if request["REQUEST_METHOD"] == "PUT" and self.refused and self.refused(request["PATH_INFO"]):
            request["wsgi.input"].read(int(request.get("CONTENT_LENGTH") or 0))
            start("403 Forbidden", [("Content-Type", "application/xml")])
            return [_DENIED]
        if request["REQUEST_METHOD"] == "PUT" and self.answers_to_lose:
            self.answers_to_lose -= 1
            list(self.backend(request, lambda *_: None))
            start("503 Slow Down", [("Content-Type", "application/xml")])
            return [_SLOW]
        answer: Iterable[bytes] = self.backend(request, start)
        return answer

    def new_bucket(self) -> str:
        """The address of another bucket."""
        self.buckets += 1
        address = f"s3://house-{self.buckets}"
        UPath(address, use_listings_cache=False).mkdir()
        return address


@contextmanager
def serving() -> Iterator[S3Server]:
    """The server, and the environment that names it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = S3Server()
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with mock.patch.dict(os.environ, environment):
        yield application
    server.shutdown()
    thread.join()
