"""A message is kept, and goes out by every way that the environment names, at the latest when its server is back."""

from __future__ import annotations

import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crm_platform.orchestration.automation.messages import Message, Messages

FAILED = Message("run_failed", "analyse_month failed at forecasts.", "Open run 1.", "acme", "2025-06")


@pytest.fixture
def messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Messages:
    for name in ("WEBHOOK_URL", "SMTP_HOST", "SMTP_USER"):
        monkeypatch.delenv(f"CRM_PLATFORM_{name}", raising=False)
    return Messages(data_folder=str(tmp_path))


def kept(messages: Messages) -> list[dict[str, str]]:
    return [json.loads(line) for file in messages.folder.glob("*.jsonl") for line in file.read_text().splitlines()]


def waiting(messages: Messages) -> int:
    return len(list((messages.folder / "unsent").glob("*/*.json")))


@contextmanager
def served(server: socketserver.BaseServer) -> Iterator[int]:
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server.server_address[1]  # type: ignore[index]
    server.shutdown()
    server.server_close()


class Hook(http.server.BaseHTTPRequestHandler):
    """Takes what is posted; says what it is told to say."""

    answer, posted = 200, list[dict[str, str]]()

    def do_POST(self) -> None:
        self.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.answer)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


class PostOffice(socketserver.StreamRequestHandler):
    """As much of SMTP as a letter needs (RFC 5321), without encryption."""

    letters, said = list[str](), list[str]()

    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        while line := self.rfile.readline().decode().strip():
            self.said.append(line)
            if line.upper() == "DATA":
                self.wfile.write(b"354 go on\r\n")
                self.letters.append("".join(iter(lambda: self.rfile.readline().decode(), ".\r\n")))
            self.wfile.write(b"221 bye\r\n" if line.upper() == "QUIT" else b"250 ok\r\n")


def test_without_an_address_a_message_is_a_line_of_a_file_with_all_that_is_known(messages: Messages) -> None:
    assert messages.tell(FAILED) == []
    messages.tell(Message("client_refused", "壊れています", "直す"))
    (first, second), [file] = kept(messages), list(messages.folder.glob("*.jsonl"))
    assert {key: first[key] for key in first if key != "when"} == {
        "kind": "run_failed",
        "client": "acme",
        "month": "2025-06",
        "text": FAILED.text,
        "what_to_do": FAILED.what_to_do,
    }
    assert file.stem == first["when"][:7]
    assert (second["text"], second["client"]) == ("壊れています", None)


def test_a_line_that_broke_off_does_not_swallow_the_next(messages: Messages) -> None:
    messages.tell(FAILED)
    [file] = messages.folder.glob("*.jsonl")
    file.write_bytes(file.read_bytes()[:-30])
    messages.tell(FAILED)
    assert json.loads(file.read_text().splitlines()[-1])["text"] == FAILED.text


def test_the_same_thing_is_told_once_and_again_when_it_has_changed(messages: Messages) -> None:
    told: dict[str, str] = {}
    for text in ("a", "a", "b"):
        messages.tell_once(Message("client_refused", text, ""), told, "acme")
    assert [one["text"] for one in kept(messages)] == ["a", "b"]


def test_a_webhook_gets_the_message_and_one_that_failed_gets_it_later_and_once(
    messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    Hook.posted.clear()
    with served(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)) as port:
        monkeypatch.setenv("CRM_PLATFORM_WEBHOOK_URL", f"http://127.0.0.1:{port}/secret")
        monkeypatch.setattr(Hook, "answer", 503)
        assert messages.tell(FAILED) == ["webhook: HTTPError"]  # and not its address
        assert waiting(messages) == 1
        monkeypatch.setattr(Hook, "answer", 200)
        Hook.posted.clear()
        assert messages.send_unsent() == messages.send_unsent() == []
    (posted,) = Hook.posted
    assert posted["text"].startswith("crm-platform: run_failed (acme 2025-06)\nanalyse_month failed at forecasts.\n")
    assert (posted["client"], posted["kind"], waiting(messages)) == ("acme", "run_failed", 0)


def test_an_address_that_is_none_of_the_web_is_refused_without_being_shown(
    messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_PLATFORM_WEBHOOK_URL", "file:///etc/passwd")
    (problem,) = messages.tell(FAILED)
    assert "CRM_PLATFORM_WEBHOOK_URL is no web address" in problem
    assert "passwd" not in problem


def test_an_e_mail_arrives_and_no_password_goes_out_unencrypted(
    messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(socketserver.ThreadingTCPServer(("127.0.0.1", 0), PostOffice)) as port:
        for name, value in {"HOST": "127.0.0.1", "PORT": str(port), "FROM": "crm@example.jp"}.items():
            monkeypatch.setenv(f"CRM_PLATFORM_SMTP_{name}", value)
        assert "CRM_PLATFORM_SMTP_TO is not set" in messages.tell(FAILED)[0]
        monkeypatch.setenv("CRM_PLATFORM_SMTP_TO", "night@example.jp")
        assert messages.send_unsent() == []
        monkeypatch.setenv("CRM_PLATFORM_SMTP_USER", "crm")
        monkeypatch.setenv("CRM_PLATFORM_SMTP_PASSWORD", "geheim")
        assert "does not encrypt" in messages.tell(FAILED)[0]
    (letter,) = PostOffice.letters
    assert "Subject: crm-platform: run_failed (acme 2025-06)" in letter
    assert "To: night@example.jp" in letter
    assert FAILED.text in letter
    assert not any("AUTH" in line or "geheim" in line for line in PostOffice.said)
    assert waiting(messages) == 1
