"""Getting in: what is shown to a server, in which order, and what is told to git's helpers."""

from __future__ import annotations

import base64
import os
import shlex
import time
from pathlib import Path

import pytest

from git_datmo.errors import RemoteError
from git_datmo.remotes.lfs.access import ending
from git_datmo.remotes.lfs.place import Lfs
from tests.contracts.places.ground import fill, nothing, some
from tests.kit.lfsserver import Field, LfsServer

HELPER = """#!/bin/sh
test "$1" = get || {{ echo "$1" >> {log}; exit; }}
echo get >> {log}
cat >> {log}
echo username=ada
echo password=$(head -n 1 {answers})
sed -i 1d {answers}
"""


class Helper:
    """A credential helper that gives the passwords it was told, one after the other."""

    def __init__(self, root: Path, *passwords: str) -> None:
        self.log, self.script = root / "helper-log", root / "helper"
        answers = root / "passwords"
        answers.write_text("".join(f"{password}\n" for password in passwords))
        self.log.touch()
        self.script.write_text(HELPER.format(log=self.log, answers=answers))
        self.script.chmod(0o755)

    @property
    def setting(self) -> str:
        return f"credential.helper={self.script}"

    @property
    def calls(self) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if "=" not in line and line]

    @property
    def question(self) -> set[str]:
        return {line for line in self.log.read_text().splitlines() if "=" in line}


@pytest.fixture
def server(lfs_field: Field) -> LfsServer:
    lfs_field.server.users = {"ada": "s:cret ü"}
    return lfs_field.server


def put(field: Field, place: Lfs) -> None:
    """Put something, and fetch it again."""
    here = field_store(field, "here")
    pointers = fill(here, some(1, 1000))
    place.put(here, pointers, nothing)
    elsewhere = field_store(field, "elsewhere")
    assert place.get(elsewhere, pointers, nothing) == {}
    assert elsewhere.missing(pointers) == []
    place.close()


def field_store(field: Field, name: str):
    from git_datmo.storage.store import Store

    return Store(field.root / name / "store")


def test_a_helper_is_asked_once_and_told_that_it_was_right(
    lfs_field: Field, server: LfsServer, tmp_path: Path
) -> None:
    helper = Helper(tmp_path, "s:cret ü")
    put(lfs_field, lfs_field.clone("a", None, helper.setting))
    assert helper.calls == ["get", "store"]
    assert helper.question == {"protocol=http", f"host=127.0.0.1:{server.port}"}


def test_a_wrong_password_is_forgotten_and_asked_for_again(
    lfs_field: Field, server: LfsServer, tmp_path: Path
) -> None:
    helper = Helper(tmp_path, "old", "s:cret ü")
    put(lfs_field, lfs_field.clone("a", None, helper.setting))
    assert helper.calls == ["get", "erase", "get", "store"]


def test_three_wrong_passwords_are_enough(
    lfs_field: Field, server: LfsServer, tmp_path: Path
) -> None:
    helper = Helper(tmp_path, *["wrong"] * 9)
    place = lfs_field.clone("a", None, helper.setting)
    with pytest.raises(RemoteError, match="refused") as caught:
        put(lfs_field, place)
    assert helper.calls == ["get", "erase"] * 3
    assert "token" in (caught.value.hint or "")
    assert "wrong" not in f"{caught.value.message} {caught.value.hint}"
    assert server.oids == set()


def test_nobody_to_ask(
    lfs_field: Field, server: LfsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TERMINAL_PROMPT", "0")
    place = lfs_field.clone("a")
    with pytest.raises(RemoteError, match=r"does not let us upload.*terminal prompts disabled"):
        put(lfs_field, place)
    assert place.check().reached is False
    place.close()


def test_askpass_is_asked_as_by_git(
    lfs_field: Field, server: LfsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "askpass"
    script.write_text("#!/bin/sh\ncase $1 in User*) echo ada;; *) echo 's:cret ü';; esac\n")
    script.chmod(0o755)
    monkeypatch.setenv("GIT_ASKPASS", str(script))
    put(lfs_field, lfs_field.clone("a"))


def test_user_and_password_in_the_address(lfs_field: Field, server: LfsServer) -> None:
    address = server.url.replace("//", "//ada:s%3Acret%20%C3%BC@")
    place = lfs_field.clone("a", address)
    assert "cret" not in place.name
    put(lfs_field, place)


def test_a_user_in_the_address_is_told_to_the_helper(
    lfs_field: Field, server: LfsServer, tmp_path: Path
) -> None:
    helper = Helper(tmp_path, "s:cret ü")
    put(lfs_field, lfs_field.clone("a", server.url.replace("//", "//ada@"), helper.setting))
    assert "username=ada" in helper.question


def test_a_line_break_in_an_address_adds_no_question(
    lfs_field: Field, server: LfsServer, tmp_path: Path
) -> None:
    helper = Helper(tmp_path, "s:cret ü")
    address = server.url.replace("//", "//ada%0ahost=evil.example@")
    with pytest.raises(RemoteError, match="line break"):
        put(lfs_field, lfs_field.clone("a", address, helper.setting))
    assert helper.calls == []


def test_netrc(lfs_field: Field, server: LfsServer, seal: Path) -> None:
    netrc = seal / ".netrc"
    netrc.write_text("machine 127.0.0.1 login ada password s:cretü\n")
    netrc.chmod(0o600)
    server.users = {"ada": "s:cretü"}
    put(lfs_field, lfs_field.clone("a"))


def test_extra_headers_of_the_closest_section(lfs_field: Field, server: LfsServer) -> None:
    login = base64.b64encode("ada:s:cret ü".encode()).decode()
    settings = [
        "http.extraHeader=X-Everywhere: 1",
        f"http.{server.base}/.extraHeader=AUTHORIZATION: basic wrong",
        f"http.{server.base}/team/.extraHeader=Authorization: Basic {login}",
        f"http.{server.base}/team/.extraHeader=X-Second: two",
        "http.https://other.example/.extraHeader=X-Other: 3",
    ]
    put(lfs_field, lfs_field.clone("a", None, *settings))
    [batch, *_] = server.requests("POST", "batch")
    assert batch.headers["X-Second"] == "two"
    assert "X-Everywhere" not in batch.headers
    assert "X-Other" not in batch.headers


def test_extra_headers_from_the_environment(
    lfs_field: Field, server: LfsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As CI systems hand them to git."""
    login = base64.b64encode("ada:s:cret ü".encode()).decode()
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"http.{server.base}/.extraheader")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", f"Authorization: Basic {login}")
    put(lfs_field, lfs_field.clone("a"))


def test_who_may_only_read(lfs_field: Field, server: LfsServer, tmp_path: Path) -> None:
    here = field_store(lfs_field, "here")
    pointers = fill(here, some(1, 1000))
    helper = Helper(tmp_path, *["s:cret ü"] * 9)
    writer = lfs_field.clone("writer", None, helper.setting)
    writer.put(here, pointers, nothing)
    server.readers = {"ada"}
    reader = lfs_field.clone("reader", None, helper.setting)
    assert reader.present(pointers) == set(pointers)
    found = reader.check()
    assert (found.reached, found.writable) == (True, False)
    assert any("you may only read" in remark for remark in found.remarks)
    with pytest.raises(RemoteError, match=r"refuses \(upload, status 403\): you may only read"):
        reader.put(here, fill(here, some(2, 1000)), nothing)


def test_tokens_of_actions_are_sent_where_they_belong(
    lfs_field: Field, server: LfsServer, tmp_path: Path
) -> None:
    server.tokens = True
    put(lfs_field, lfs_field.clone("a", None, Helper(tmp_path, "s:cret ü").setting))
    for seen in server.requests("PUT") + server.requests("GET"):
        assert seen.headers["Authorization"].startswith("Token ")


class Host:
    """An ssh program that reaches nobody, and answers for the host."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
        self.log = root / "ssh-log"
        self.script = root / "an ssh"
        log = shlex.quote(str(self.log))
        self.script.write_text(f'#!/bin/sh\nfor w; do echo "$w"; done >> {log}\n{body}\n')
        self.script.chmod(0o755)
        monkeypatch.setenv("GIT_SSH_COMMAND", f"{shlex.quote(str(self.script))} -i 'a key'")
        monkeypatch.setenv("GIT_SSH_VARIANT", "ssh")

    @property
    def words(self) -> list[str]:
        return self.log.read_text().splitlines()


ADDRESS = "ssh://git@host.example:2222/team/model.git"


def answer(document: str, code: int = 0, err: str = "") -> str:
    return f"echo {shlex.quote(err)} >&2; echo {shlex.quote(document)}; exit {code}"


def test_ssh_gives_address_and_token(
    lfs_field: Field, server: LfsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = base64.b64encode("ada:s:cret ü".encode()).decode()
    document = (
        f'{{"href": "{server.url}", "header": {{"Authorization": "Basic {login}"}}, '
        '"expires_in": 3600}'
    )
    host = Host(tmp_path, monkeypatch, answer("Welcome to the host!\n" + document))
    put(lfs_field, lfs_field.clone("a", ADDRESS))
    asked = [f"git-lfs-authenticate /team/model.git {op}" for op in ("upload", "download")]
    started = ["-i", "a key", "-p", "2222", "git@host.example"]
    assert host.words == [*started, asked[0], *started, asked[1]]


def test_a_token_that_ends_is_asked_for_again(
    lfs_field: Field, server: LfsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.users = {}
    document = f'{{"href": "{server.url}", "expires_in": 1}}'
    host = Host(tmp_path, monkeypatch, answer(document))
    put(lfs_field, lfs_field.clone("a", ADDRESS))
    assert len(host.words) > 12


def test_a_token_that_the_server_refuses(
    lfs_field: Field, server: LfsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = f'{{"href": "{server.url}", "header": {{"Authorization": "Basic eDp5"}}}}'
    Host(tmp_path, monkeypatch, answer(document))
    with pytest.raises(RemoteError, match="the host's own token is refused"):
        put(lfs_field, lfs_field.clone("a", ADDRESS))


@pytest.mark.parametrize(
    ("code", "err"),
    [(127, "sh: git-lfs-authenticate: not found"), (1, "git-lfs-authenticate: not found")],
)
def test_a_host_that_does_not_know_the_command(
    lfs_field: Field,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    err: str,
) -> None:
    Host(tmp_path, monkeypatch, answer("", code, err))
    # Then it is as for https: here, a host that is not there.
    with pytest.raises(RemoteError, match=r"host\.example port 443 cannot be reached"):
        put(lfs_field, lfs_field.clone("a", ADDRESS))


@pytest.mark.parametrize(
    ("document", "code", "said"),
    [
        ("", 255, "Permission denied"),
        ("", 1, "repository not found"),
        ("not json", 0, "cannot be read"),
        ("[1]", 0, "cannot be read"),
        ('{"href": 7}', 0, "cannot be read"),
        ('{"header": {"X": "a\\r\\nY: b"}}', 0, "cannot be read"),
        ('{"href": "file:///etc/passwd"}', 0, "not followed"),
        ('{"href": "https://user@host/x"}', 0, "not followed"),
    ],
)
def test_what_else_a_host_may_say(
    lfs_field: Field,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    document: str,
    code: int,
    said: str,
) -> None:
    Host(tmp_path, monkeypatch, answer(document, code, said if code else ""))
    with pytest.raises(RemoteError, match=said):
        put(lfs_field, lfs_field.clone("a", ADDRESS))


def test_no_ssh_program(lfs_field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_SSH", "/nowhere/ssh")
    with pytest.raises(RemoteError, match=r"ssh to host\.example failed"):
        put(lfs_field, lfs_field.clone("a", ADDRESS))


def test_when_something_ends() -> None:
    now = time.monotonic()
    assert ending(60, "2001-01-01T00:00:00Z") == pytest.approx(now + 60, abs=5)
    assert (ending(None, "2001-01-01T00:00:00Z") or now) < now
    assert (ending(0, "2999-01-01T00:00:00.123456789+02:00") or 0) > now + 86_400
    assert (ending(None, "2001-01-01T00:00:00") or now) < now
    for moment in (None, "soon", 7, "0001-01-01T00:00:00Z"):
        assert ending(None, moment) is None


def test_nothing_secret_lies_in_the_clone(
    lfs_field: Field, server: LfsServer, tmp_path: Path
) -> None:
    put(lfs_field, lfs_field.clone("a", None, Helper(tmp_path, "s:cret ü").setting))
    secrets = ("s:cret ü".encode(), base64.b64encode("ada:s:cret ü".encode()))
    for folder, _, names in os.walk(tmp_path / "a"):
        for name in names:
            data = Path(folder, name).read_bytes()
            assert not any(secret in data for secret in secrets), name
