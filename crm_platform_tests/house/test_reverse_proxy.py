"""The UI is reached through a proxy that asks for a password; the documented example is started as it stands."""

from __future__ import annotations

import base64
import hashlib
import http.client
import re
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs" / "reverse_proxy.md"
PASSWORD = {"Authorization": f"Basic {base64.b64encode(b'tanaka:secret').decode()}"}
SOCKET = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "a2V5"}
_OF_WEBSOCKETS = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455


class Upstream(BaseHTTPRequestHandler):
    """In the webserver's place: tells what it was asked, and echoes through a WebSocket."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.headers["Upgrade"] == "websocket":
            self._echo()
            return
        told = f"{self.path} {self.headers['Host']} {self.headers['Authorization']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def do_POST(self) -> None:
        self.do_GET()

    def _echo(self) -> None:
        key = hashlib.sha1(f"{self.headers['Sec-WebSocket-Key']}{_OF_WEBSOCKETS}".encode()).digest()  # noqa: S324
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(key).decode())
        self.end_headers()
        self.wfile.write(self.rfile.read(5).upper())
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@dataclass(frozen=True)
class Proxy:
    """nginx on a port of this machine, with a certificate that only the tests trust."""

    port: int
    upstream: int

    def asked(self, path: str, headers: dict[str, str], method: str = "GET") -> tuple[int, str]:
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=trusting())
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def example() -> str:
    """The configuration that the page shows."""
    (found,) = re.findall(r"```nginx\n(.*?)```", PAGE.read_text("utf-8"), flags=re.DOTALL)
    return str(found)


def moved(text: str, changes: dict[str, str]) -> str:
    """The example with ports and paths of this machine; each must stand in it once."""
    for former, new in changes.items():
        assert text.count(former) == 1, former
        text = text.replace(former, new)
    return text


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    folder.chmod(0o755)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=crm.example.jp", "-keyout", folder / "crm.key", "-out", folder / "crm.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    hashed = subprocess.run(["openssl", "passwd", "-6", "secret"], check=True, capture_output=True, text=True).stdout
    (folder / "htpasswd").write_text(f"tanaka:{hashed}")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    socketserver.ThreadingMixIn.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    site = moved(
        example(),
        {
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "/etc/nginx/tls/crm.crt": f"{folder}/crm.crt",
            "/etc/nginx/tls/crm.key": f"{folder}/crm.key",
            "/etc/nginx/crm.htpasswd": f"{folder}/htpasswd",
            "http://127.0.0.1:3000": f"http://127.0.0.1:{server.server_port}",
        },
    )
    kept = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors; events {{}}\n"
    (folder / "nginx.conf").write_text(f"{whole}http {{ access_log off; {kept}\n{site} }}")
    nginx = subprocess.Popen(["nginx", "-e", folder / "errors", "-p", folder, "-c", folder / "nginx.conf"])
    try:
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < until, (folder / "errors").read_text()
                time.sleep(0.05)
        yield Proxy(port, server.server_port)
    finally:
        nginx.terminate()
        nginx.wait(10)
        server.shutdown()
        server.server_close()


needs_nginx = [pytest.mark.needs_program("nginx", "nginx-light"), pytest.mark.needs_program("openssl", "openssl")]


def marked(test):  # type: ignore[no-untyped-def]
    for mark in needs_nginx:
        test = mark(test)
    return test


@marked
def test_without_the_password_nothing_is_shown_and_with_it_the_page_is(proxy: Proxy) -> None:
    for path in ("/crm/", "/crm/graphql", "/elsewhere", "/crm/../crm/runs", "//crm/"):
        assert proxy.asked(path, {})[0] == 401
    wrong = {"Authorization": f"Basic {base64.b64encode(b'tanaka:guess').decode()}"}
    assert proxy.asked("/crm/", wrong)[0] == 401
    assert proxy.asked("/crm/", SOCKET)[0] == 401, "nor through a WebSocket"
    status, told = proxy.asked("/crm/runs?q=1", PASSWORD)
    assert (status, told) == (200, f"/crm/runs?q=1 127.0.0.1:{proxy.port} None"), "whole path, own host, no password"
    assert proxy.asked("/", {})[0] == 302, "to the path that asks for the password"


@marked
def test_a_page_of_another_site_cannot_use_the_password_that_the_browser_keeps(proxy: Proxy) -> None:
    for origin in (
        "https://evil.example",
        "null",
        f"http://127.0.0.1:{proxy.port}",
        f"https://127.0.0.1:{proxy.port}9",
    ):
        assert proxy.asked("/crm/graphql", PASSWORD | {"Origin": origin}, "POST")[0] == 403, origin
        assert proxy.asked("/crm/graphql", PASSWORD | SOCKET | {"Origin": origin})[0] == 403, origin
    own = PASSWORD | {"Origin": f"https://127.0.0.1:{proxy.port}"}
    assert proxy.asked("/crm/graphql", own, "POST")[0] == 200


@marked
def test_a_websocket_goes_through_both_ways(proxy: Proxy) -> None:
    headers = PASSWORD | SOCKET | {"Host": f"127.0.0.1:{proxy.port}", "Origin": f"https://127.0.0.1:{proxy.port}"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as plain, trusting().wrap_socket(plain) as own:
        own.sendall(f"GET /crm/graphql HTTP/1.1\r\n{lines}\r\n".encode())
        answer = own.recv(4096)
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        own.sendall(b"hello")
        assert own.recv(16) == b"HELLO"


def test_nothing_but_the_proxy_listens_to_other_machines() -> None:
    lines = [line for path in (PROJECT / "Makefile", PAGE) for line in path.read_text("utf-8").splitlines()]
    served = [line for line in lines if re.search(r"dagster(-webserver| dev)\b.* -w ", line)]
    assert len(served) == 2
    assert all(" -h 127.0.0.1 " in f"{line} " for line in served)
    assert "proxy_pass http://127.0.0.1:" in example()
    for path in (PROJECT / "deploy").rglob("*"):
        if path.is_file() and path.suffix in {".yaml", ".yml"}:
            ports = re.findall(r"^\s*-\s*[\"']?([\d.:]+:\d+)[\"']?\s*$", path.read_text("utf-8"), flags=re.MULTILINE)
            assert all(port.startswith("127.0.0.1:") for port in ports), path
