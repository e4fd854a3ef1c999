"""Who may ask, for what, and what every answer says to a browser: by raw requests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import resource
import socket
import stat
import sys
from pathlib import Path

import pytest

from git_datmo.ui.web.guard import Guard, Key, Message, Receive, Scope, Send
from tests.e2e.task import until
from tests.kit.git import Repo
from tests.kit.laboratory import Laboratory
from tests.kit.pages import Pages
from tests.kit.program import datmo

EVERYWHERE = ("/", "/runs", "/static/style.css", "/static/page.js", "/no/such/page", "/enter")
POLICY = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
    "form-action": ["'self'"],
    "connect-src": ["'self'"],
}


@pytest.mark.parametrize(
    "host",
    [
        *("", "evil.com", "evil.com:{port}", "127.0.0.1.evil.com:{port}", "127.0.0.1", "localhost"),
        *("127.0.0.1:80", "localhost:{port}0", "127.0.0.1:{port}@evil.com", "[::]:{port}"),
        *("0.0.0.0:{port}", "127.0.0.2:{port}", "localhost.:{port}", "127.1:{port}", "{port}"),
        *("127.0.0.1:{port}\r\nHost: evil.com", "evil.com\r\nHost: 127.0.0.1:{port}"),
    ],
)
def test_other_hosts_are_refused(pages: Pages, host: str):
    for path in ("/runs", f"/enter?token={pages.token}", "/static/style.css"):
        answer = pages.ask(path, host=host.format(port=pages.port))
        assert answer.status in (400, 403)
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "[::1]:{port}"])
def test_its_own_names_are_known(pages: Pages, host: str):
    assert pages.ask("/runs", host=host.format(port=pages.port)).status == 200


@pytest.mark.parametrize("path", EVERYWHERE[:-1])
def test_without_the_cookie_there_is_nothing(pages: Pages, path: str):
    name, _, value = pages.cookie.partition("=")
    near = value[:-1] + ("a" if value[-1] != "a" else "b")
    for cookie in (
        *("", f"{name}=", f"{name}={near}", f"{name}={value}x", f"x={value}", f"{name}={name}"),
        *(f"{name}={pages.token}", f"{name}=\xff\xfe", f'{name}="{value}', f"{name}X={value}", "="),
        "a=" + "b" * 30_000,
    ):
        answer = pages.ask(path, cookie=cookie)
        assert answer.status == 403, cookie
        assert b"git datmo ui" in answer.body
        assert "lab" not in answer.text.partition("git datmo ui")[0], "not even its name"
    # What other servers of this machine set comes along, and is no cookie by any grammar at times.
    for others in ("other=1; {}; more=2", '{{"a": [1, 2]}}; a b; "; {}', "{};x=\xff", ";;={};{}"):
        cookies = others.format(pages.cookie, pages.cookie)
        assert pages.ask(path, cookie=cookies).status != 403, cookies


def test_the_link_lets_in_once_and_guesses_do_not_use_it_up(lab: Laboratory):
    with Pages(lab.repo.path) as pages:
        assert len(pages.token) >= 43, "256 bits"
        right = pages.token
        swapped = right[:-1] + ("a" if right[-1] != "a" else "b")
        guesses = [
            "",
            "a",
            right[:-1],
            right + "a",
            swapped,
            right.swapcase(),
            "%00",
            "%ff%fe",
            "é",
        ]
        for guess in [*guesses, *(f"{n:043d}" for n in range(100)), "x" * 20_000]:
            answer = pages.ask(f"/enter?token={guess}")
            assert answer.status in (400, 403), guess
            assert "set-cookie" not in answer.headers
        assert pages.ask("/enter").status == 403
        assert pages.ask(f"/enter?token={right}", method="HEAD").headers.get("set-cookie") is None
        assert pages.ask(f"/enter?token={right}", host="evil.com").status == 403
        origin = [("Origin", "https://evil.com")]
        assert pages.ask(f"/enter?token={right}", headers=origin).status == 403
        answer = pages.ask(f"/enter?token={right}")
        assert answer.status == 200
        said = [part.strip().lower() for part in answer.headers["set-cookie"].split(";")]
        assert {"httponly", "samesite=strict", "path=/"} <= set(said)
        assert not any(part.startswith("domain") for part in said)
        value = answer.headers["set-cookie"].partition(";")[0].partition("=")[2]
        assert len(value) >= 43
        assert right not in value
        assert value not in answer.text
        again = pages.ask(f"/enter?token={right}")
        assert again.status == 403
        assert "git datmo ui" in again.text
        assert "set-cookie" not in again.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"])
def test_nothing_but_reading(pages: Pages, method: str):
    form = [("Content-Type", "text/plain"), ("Content-Length", "0")]
    for path in ("/runs", "/static/style.css", f"/enter?token={pages.token}"):
        assert pages.ask(path, method=method, headers=form).status in (400, 403, 405)
        assert pages.ask(path, method=method, headers=form, cookie="").status in (400, 403, 405)
        foreign = [*form, ("Origin", "https://evil.com")]
        assert pages.ask(path, method=method, headers=foreign).status in (400, 403)


def test_a_head_is_the_answer_without_its_body(pages: Pages):
    answer = pages.ask("/runs", method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    "origin",
    [
        *("https://evil.com", "null", "http://evil.com:{port}", "http://127.0.0.1", "file://"),
        *("http://127.0.0.1:{port}.evil.com", "https://127.0.0.1:{port}", "{port}", "http://"),
    ],
)
def test_other_pages_may_not_ask(pages: Pages, origin: str):
    said = [("Origin", origin.format(port=pages.port))]
    for path in ("/runs", "/data/curves?metric=loss", "/static/plotly.js"):
        assert pages.ask(path, headers=said).status == 403


def test_its_own_pages_may(pages: Pages):
    for name in ("127.0.0.1", "localhost", "[::1]"):
        said = [("Origin", f"http://{name}:{pages.port}")]
        assert pages.ask("/runs", headers=said).status == 200


@pytest.mark.parametrize(
    ("site", "mode", "dest", "status"),
    [
        *(("same-origin", "cors", "empty", 200), ("none", "navigate", "document", 200)),
        *(("cross-site", "navigate", "document", 200), ("cross-site", "no-cors", "script", 403)),
        *(("same-site", "no-cors", "image", 403), ("same-site", "cors", "empty", 403)),
        *(("same-site", "navigate", "iframe", 403), ("cross-site", "no-cors", "object", 403)),
        ("odd", "odd", "odd", 403),
    ],
)
def test_what_browsers_say_of_who_asks_is_heard(
    pages: Pages, site: str, mode: str, dest: str, status: int
):
    """A page of another port of this machine is of the same site: the cookie is sent along."""
    said = [("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", mode), ("Sec-Fetch-Dest", dest)]
    for path in ("/runs", "/data/curves?metric=loss", "/static/page.js"):
        assert pages.ask(path, headers=said).status == status


def test_a_socket_for_messages_is_not_opened(pages: Pages):
    upgrade = [
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ]
    said = pages.bare(
        f"GET /runs HTTP/1.1\r\nHost: {pages.host}\r\nConnection: Upgrade, close\r\n".encode()
        + b"".join(f"{name}: {value}\r\n".encode() for name, value in upgrade)
        + b"\r\n"
    )
    assert b" 101 " not in said.splitlines()[0]


@pytest.mark.parametrize("path", EVERYWHERE)
@pytest.mark.parametrize("known", [True, False])
def test_every_answer_is_sealed(pages: Pages, path: str, known: bool):
    for more in ({}, {"host": "evil.com"}, {"method": "POST"}):
        answer = pages.ask(path, cookie=None if known else "", **more)  # type: ignore[arg-type]
        heads = answer.headers
        rules = {
            words[0]: words[1:]
            for rule in heads["content-security-policy"].split(";")
            if (words := rule.split())
        }
        assert {name: rules[name] for name in POLICY} == POLICY
        assert not any("unsafe-eval" in rule for rule in rules.values())
        assert heads["x-content-type-options"] == "nosniff"
        assert heads["referrer-policy"] == "no-referrer"
        assert heads["cross-origin-opener-policy"] == "same-origin"
        assert heads["cross-origin-resource-policy"] == "same-origin"
        assert "private" in heads["cache-control"] or heads["cache-control"] == "no-store"
        assert not [name for name in heads if name.startswith("access-control")]
        assert "server" not in heads


def test_what_a_page_says_is_kept_by_nobody(pages: Pages):
    for path in ("/", "/runs", "/data/curves?metric=loss"):
        assert pages.ask(path).headers["cache-control"] == "no-store"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="read from /proc")
def test_it_listens_on_this_machine_alone(pages: Pages):
    listening = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for row in Path(table).read_text().splitlines()[1:]:
            _, local, _, state, *_ = row.split()
            if state == "0A" and int(local.rpartition(":")[2], 16) == pages.port:
                listening.append(local.partition(":")[0])
    assert listening == ["0100007F"]


@pytest.mark.parametrize(
    "path",
    [
        *("/static/../server.py", "/static/..%2fserver.py", "/static/%2e%2e/server.py"),
        *("/static//etc/passwd", "/static/%2fetc%2fpasswd", "/static/style.css%00", "/static/"),
        *("/static/..%252fserver.py", "/static/.hidden.css", "/static/plotly", "/static/page.js/"),
        *("//etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/%00", "/runs/"),
        *("/templates/base.html", "/static/..%5c..%5cx.css", "/static/%c0%ae%c0%ae/server.py"),
    ],
)
def test_paths_do_not_climb(pages: Pages, path: str):
    answer = pages.ask(path)
    assert answer.status in (307, 400, 404), answer
    assert b"root:" not in answer.body
    assert b"import annotations" not in answer.body
    if answer.status == 307:  # to the address without the slash at its end
        assert re.fullmatch(re.escape(pages.url("/")) + r"[\w./]*", answer.headers["location"])


RUBBISH = [
    *(b"", b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"GET / HTTP/9\r\n\r\n"),
    *(b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n", b"\0" * 1000, b"PRI * HTTP/2.0\r\n\r\n"),
    *(b"GET http://evil.com/runs HTTP/1.1\r\nHost: evil.com\r\nConnection: close\r\n\r\n",),
    *(b"CONNECT evil.com:80 HTTP/1.1\r\nHost: evil.com:80\r\nConnection: close\r\n\r\n",),
    *(b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX",),
]


@pytest.mark.parametrize("request_", RUBBISH, ids=range(len(RUBBISH)))
def test_rubbish_is_survived(pages: Pages, request_: bytes):
    with socket.create_connection(("127.0.0.1", pages.port), timeout=20) as connection:
        said = b""
        # It may hang up before it has heard all of it.
        with contextlib.suppress(OSError):
            connection.sendall(request_)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(1 << 16):
                said += part
    assert not said or said.split(b" ")[1][:1] == b"4", said
    assert not said or b"frame-ancestors 'none'" in said, "sealed, as every answer is"
    assert pages.ask("/runs").status == 200


def test_connections_that_say_nothing_keep_nobody_out(lab: Laboratory):
    """Anybody on the machine can open them; files that a process may open are few."""
    with Pages(lab.repo.path) as pages, contextlib.ExitStack() as stack:
        pages.enter()
        resource.prlimit(pages.process.pid, resource.RLIMIT_NOFILE, (256, 256))
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", pages.port), timeout=20))
            for _ in range(300)
        ]
        pages.get("/runs")
        # Those that came first were let go.
        with contextlib.suppress(ConnectionResetError):
            assert silent[0].recv(1) == b""
        _, said = pages.stop()
    assert "Traceback" not in said
    assert "Too many" not in said


class TestSeveral:
    def test_two_servers_have_each_their_own_way_in(self, lab: Laboratory, pages: Pages):
        with Pages(lab.repo.path) as other:
            assert other.port != pages.port
            assert other.ask(f"/enter?token={pages.token}").status == 403
            other.enter()
            assert other.cookie.partition("=")[0] != pages.cookie.partition("=")[0], "both stay"
            assert other.ask("/runs", cookie=pages.cookie).status == 403
            both = f"{pages.cookie}; {other.cookie}"
            assert pages.ask("/runs", cookie=both).status == 200
            assert other.ask("/runs", cookie=both).status == 200

    def test_a_port_that_is_taken_is_said(self, lab: Laboratory, pages: Pages):
        done = datmo(
            *("ui", "--no-browser", "--port", str(pages.port)), cwd=lab.repo.path, check=False
        )
        assert done.code not in (0, 1)
        assert str(pages.port) in done.stderr
        assert "hint" in done.stderr
        assert "Traceback" not in done.stderr

    def test_the_port_that_was_asked_for_is_used_again_at_once(self, lab: Laboratory):
        with Pages(lab.repo.path) as first:
            port = first.port
            first.enter()
        with Pages(lab.repo.path, "--no-browser", "--port", str(port)) as second:
            assert second.port == port
            assert second.ask("/runs", cookie=first.cookie).status == 403, "of another evening"


class TestTheWayIn:
    def test_the_token_stands_in_no_list_of_processes(
        self, lab: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        seen = tmp_path / "seen"
        browser = tmp_path / "browser"
        browser.write_text(
            f"#!{sys.executable}\nimport json, os, sys, urllib.parse\n"
            "path = urllib.parse.unquote(urllib.parse.urlsplit(sys.argv[-1]).path)\n"
            "facts = [sys.argv, os.stat(path).st_mode, open(path).read(), path]\n"
            f"json.dump(facts, open({str(seen) + '.new'!r}, 'w'))\n"
            f"os.rename({str(seen) + '.new'!r}, {str(seen)!r})\n"
        )
        browser.chmod(0o700)
        monkeypatch.setenv("BROWSER", f"{browser} %s")
        with Pages(lab.repo.path, "--port", "0") as pages:
            until(seen.exists)
            argv, mode, door, path = json.loads(seen.read_text())
            assert stat.S_IMODE(mode) == 0o600
            assert pages.link in door
            assert pages.token not in " ".join(argv)
            for word in Path(f"/proc/{pages.process.pid}/cmdline").read_bytes().split(b"\0"):
                assert pages.token.encode() not in word
        assert not Path(path).exists()

    def test_an_interrupt_ends_it_quickly_and_in_order(self, lab: Laboratory):
        with Pages(lab.repo.path) as pages:
            pages.enter()
            # Somebody holds a connection open and says nothing.
            with socket.create_connection(("127.0.0.1", pages.port)):
                code, said = pages.stop()
        assert code in (0, 130)
        assert "Traceback" not in said


class TestGone:
    def test_a_repository_that_was_moved_away_and_back(self, tmp_path: Path):
        lab = Laboratory.at(tmp_path / "here")
        with Pages(lab.repo.path) as pages:
            pages.enter()
            pages.get("/runs")
            lab.repo.path.rename(tmp_path / "there")
            for path in ("/", "/runs", "/snapshots", "/data/curves?metric=loss"):
                answer = pages.ask(path)
                assert 400 <= answer.status < 600
                assert "not there any more" in answer.text
            pages.get("/static/style.css")
            (tmp_path / "there").rename(tmp_path / "here")
            pages.get("/runs")
            (lab.repo.path / ".git").rename(tmp_path / "taken")
            answer = pages.ask("/runs")
            assert 400 <= answer.status < 600
            assert "no git repository" in answer.text
            code, said = pages.stop()
        assert code in (0, 130)
        assert "Traceback" not in said

    def test_a_project_that_is_none_is_refused(self, repo: Repo, tmp_path: Path):
        for place in (repo.path, tmp_path):
            done = datmo("ui", "--no-browser", cwd=place, check=False)
            assert done.code not in (0, 1)
            assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("port", "status"), [(80, 200), (8080, 403)])
def test_a_browser_does_not_say_the_usual_port(port: int, status: int):
    said: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    async def send(message: Message) -> None:
        if "status" in message:
            said.append(message["status"])

    headers = [(b"host", b"127.0.0.1"), (b"origin", b"http://127.0.0.1")]
    scope = {"type": "http", "method": "GET", "path": "/enter", "headers": headers}
    asyncio.run(Guard(app, Key(port))(scope, receive, send))
    assert said == [status]
