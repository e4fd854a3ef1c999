"""`git datmo rstudio` against a program that behaves at its edges as RStudio's server does.

The real one comes from no package registry. This one takes its options, serves its sign-in page,
and asks the same kind of program whether a name and a password are right.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.kit.browser import gone, processes_of
from tests.kit.git import Repo
from tests.kit.program import datmo

RSERVER = """\
#!{python}
import http.server, signal, subprocess, sys
options = dict(word.lstrip("-").split("=", 1) for word in sys.argv[1:])
assert options["server-daemonize"] == "0" and options["auth-none"] == "0"
assert "provider=sqlite" in open(options["database-config-file"]).read()

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200 if self.path == "/auth-sign-in" else 404)
    def do_POST(self):
        user, _, password = self.rfile.read(int(self.headers["Content-Length"])).partition(b":")
        asked = [options["auth-pam-helper-path"], user]
        done = subprocess.run(asked, input=password)
        self.answer(403 if done.returncode else 200)
    def answer(self, status):
        self.send_response(status)
        self.end_headers()

address = options["www-address"], int(options["www-port"])
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.HTTPServer(address, Page).serve_forever()
"""


@pytest.fixture(autouse=True)
def local(project: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A project whose runs are processes of this machine, which has an rserver."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "rserver").write_text(RSERVER.format(python=sys.executable))
    (programs / "rserver").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    project.git("config", "datmo.runner", "local")
    project.write("model.R", "print(1)\n")
    return project


def run() -> dict[str, Any]:
    (found,) = datmo("ls", "--json").json()
    return dict(found)


def test_it_asks_for_the_password_that_was_printed_and_ends_well(local: Repo):
    done = datmo("rstudio", "--detach")
    url = done.stdout.strip()
    user = re.search(r"^user: (.+)$", done.stderr, re.MULTILINE)
    password = re.search(r"^password: ([0-9a-f]{48})$", done.stderr, re.MULTILINE)
    assert user is not None
    assert password is not None

    def log_in(text: str) -> int:
        try:
            with urllib.request.urlopen(url, data=text.encode(), timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code

    assert log_in(f"{user[1]}:{password[1]}\n") == 200
    assert log_in(f"{user[1]}:\n") == 403
    assert log_in(f"{user[1]}:{'0' * 48}\n") == 403
    assert log_in(f"somebody:{password[1]}\n") == 403

    listed = " ".join(words for _, words in processes_of(run()["id"]))
    assert "--www-address=127.0.0.1" in listed
    assert password[1] not in listed
    local.write("made.R", "2\n")
    datmo("stop", "latest")
    ended = run()
    assert gone(ended["id"])
    assert (ended["type"], ended["status"], ended["exit_code"]) == ("rstudio", "success", 0)
    assert ended["outputs"] == ["made.R"]
    assert password[1] not in json.dumps(ended)
