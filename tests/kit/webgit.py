"""A real web server for git: nginx, fcgiwrap and git's own http-backend, with passwords.

CI must have the programs; elsewhere tests are skipped. Users: `writer` may push, `reader` may
only fetch; their password is PASSWORD.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.kit.absence import absent
from tests.kit.git import Repo, run_git

PASSWORD = "open sesame"
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
BACKEND = "git-http-backend"
STARTING = 20  # seconds
CONFIG = """\
daemon off;
master_process off;
pid {root}/nginx.pid;
error_log {root}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log {root}/access.log;
  client_body_temp_path {root}/body;
  fastcgi_temp_path {root}/fastcgi;
  proxy_temp_path {root}/proxy;
  scgi_temp_path {root}/scgi;
  uwsgi_temp_path {root}/uwsgi;
  map "$remote_user $request_uri" $forbidden {{
    default 0;
    "~^reader .*git-receive-pack" 1;
  }}
  server {{
    listen 127.0.0.1:{port};
    client_max_body_size {body};
    location / {{
      auth_basic "git";
      auth_basic_user_file {root}/passwords;
      if ($forbidden) {{ return 403; }}
      fastcgi_param SCRIPT_FILENAME {backend};
      fastcgi_param GIT_PROJECT_ROOT "{repositories}";
      fastcgi_param GIT_HTTP_EXPORT_ALL "";
      fastcgi_param PATH_INFO $uri;
      fastcgi_param REMOTE_USER $remote_user;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      {protocol}
      fastcgi_request_buffering off;
      fastcgi_read_timeout 300;
      fastcgi_pass unix:{socket};
    }}
  }}
}}
"""


@dataclass
class WebGit:
    """A web server for the bare repositories in `repositories`.

    `body` is nginx's cap on one request (0: none); `version_2` is whether git's newer protocol
    gets through, as it does not where a server was set up before there was one.
    """

    root: Path
    repositories: Path
    socket: Path
    body: str = "0"
    version_2: bool = True
    port: int = 0
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address of the folder of repositories."""
        return f"http://127.0.0.1:{self.port}"

    def bare(self, name: str = "origin.git") -> Repo:
        """A bare repository that takes pushes."""
        made = Repo.bare(self.repositories / name)
        made.git("config", "http.receivepack", "true")
        return made

    def start(self) -> None:
        """Start it, again on the same port, and wait until it answers."""
        for folder in (self.root, self.repositories):
            folder.mkdir(parents=True, exist_ok=True)
        if not (self.root / "passwords").exists():
            for flags, user in (("-bc", "writer"), ("-b", "reader")):
                words = ["htpasswd", flags, str(self.root / "passwords"), user, PASSWORD]
                subprocess.run(words, check=True, capture_output=True)
        self.port = self.port or _free_port()
        self.socket.unlink(missing_ok=True)
        text = CONFIG.format(
            root=self.root,
            repositories=self.repositories,
            socket=self.socket,
            port=self.port,
            body=self.body,
            backend=Path(run_git("--exec-path")) / BACKEND,
            protocol="fastcgi_param GIT_PROTOCOL $http_git_protocol;" if self.version_2 else "",
        )
        user = "user root;\n" if os.geteuid() == 0 else ""
        (self.root / "nginx.conf").write_text(user + text)
        environment = {**os.environ, "PATH": PATH}
        commands = (
            ["fcgiwrap", "-f", "-s", f"unix:{self.socket}", "-c", "4"],
            ["nginx", "-p", str(self.root), "-c", str(self.root / "nginx.conf")],
        )
        for command in commands:
            with (self.root / "log").open("ab") as log:
                process = subprocess.Popen(
                    command,
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                    env=environment,
                    cwd=self.root,
                    start_new_session=True,
                )
            self.processes.append(process)
        self._await()

    def _await(self) -> None:
        end = time.monotonic() + STARTING
        while time.monotonic() < end:
            for process in self.processes:
                assert process.poll() is None, (self.root / "log").read_text()[-3000:]
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    if self.socket.exists():
                        return
            except OSError:
                pass
            time.sleep(0.02)
        raise AssertionError(f"no web server after {STARTING} s")

    def kill(self) -> None:
        """End it at once, with what it was doing."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.processes.clear()

    def requests(self) -> list[str]:
        """What was asked so far: the access log's lines."""
        return (self.root / "access.log").read_text().splitlines()


def sign_in(repo: Repo, user: str = "writer", password: str = PASSWORD) -> None:
    """Let a repository's own git configuration answer when a password is asked for."""
    answers = f"echo 'username={user}'; echo 'password={password}'"
    helper = f'!f() {{ test "$1" = get && {{ {answers}; }}; }}; f'
    repo.git("config", "credential.helper", helper)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def web_programs() -> None:
    """The programs are there: else the test is skipped, or fails where `CI` is set."""
    missing = [p for p in ("nginx", "fcgiwrap", "htpasswd") if not shutil.which(p, path=PATH)]
    if not (Path(run_git("--exec-path")) / BACKEND).exists():
        missing.append(BACKEND)
    if not missing:
        return
    reason = f"no web server for git here: {', '.join(missing)} missing"
    absent(reason)


@pytest.fixture
def make_webgit(
    web_programs: None, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., WebGit]]:
    """A function that makes and starts a web server; keywords as WebGit's."""
    made: list[WebGit] = []

    def make(**options: object) -> WebGit:
        root = tmp_path / f"web-{len(made)}"
        # The path of a socket has 108 bytes at most.
        short = tmp_path_factory.mktemp("s") / "f"
        settings = {"repositories": root / "git", **options}
        server = WebGit(root, socket=short, **settings)  # type: ignore[arg-type]
        made.append(server)
        server.start()
        return server

    yield make
    for server in made:
        server.kill()


@pytest.fixture
def webgit(make_webgit: Callable[..., WebGit]) -> WebGit:
    """A web server with one bare repository, origin.git."""
    server = make_webgit()
    server.bare()
    return server
