"""What a Dockerfile copies and what `.dockerignore` keeps out, as Docker reads both."""

from __future__ import annotations

import pytest

from git_datmo.environments.sources import copied, ignorer, select


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM x\nRUN cp a b\n", []),
        ("COPY a.txt /b\n", ["a.txt"]),
        ("copy --chown=1:1 ./a b/ /to/\n", ["a", "b"]),
        ("COPY --from=0 /x /y\nADD https://a.b/c /c\n", []),
        ('ADD ["my file", "b", "/to/"]\n', ["my file", "b"]),
        ("COPY a \\\n# between\n  b \\\n  /to/\n", ["a", "b"]),
        ("# COPY x /y\nCOPY src/*.py /to/\n", ["src/*.py"]),
        ("COPY /abs/../a /to\n", ["a"]),
        ("COPY . /to\n", None),
        ("COPY / /to\n", None),
        ("ARG A=b\nCOPY $A /to\n", None),
        ("COPY [ab].txt /to/\n", None),
        ("COPY <<EOF /to\nhi\nEOF\n", None),
        ("# escape=`\nCOPY a `\n b /to/\n", None),
    ],
)
def test_copied(text: str, expected: list[str] | None):
    assert copied(text.encode()) == expected


def test_select():
    paths = ["a", "src/x.py", "src/y.txt", "src/deep/z.py", "srcs/q"]
    assert select(paths, ["src"]) == {"src/x.py", "src/y.txt", "src/deep/z.py"}
    assert select(paths, ["src/*.py", "a"]) == {"src/x.py", "a"}
    assert select(paths, ["*/?.py"]) == {"src/x.py"}
    assert select(paths, []) == set()
    assert select(paths, ["a", "nowhere"]) is None


@pytest.mark.parametrize(
    ("rules", "kept_out", "kept"),
    [
        ("secret*\n!secretok\n", ["secret", "secret1", "secrets/x"], ["secretok", "a/secret"]),
        ("data\n", ["data", "data/a/b"], ["x/data", "data2"]),
        ("/data/\n", ["data/a"], ["x/data"]),
        ("**/*.pyc\n", ["a.pyc", "x/y/a.pyc"], ["a.py"]),
        ("a/**\n", ["a/b", "a/b/c"], ["a", "b/a/c"]),
        ("*\n!src\n!src/**\nsrc/old\n", ["x", "src/old/f"], ["src", "src/new/f"]),
        ("# data\n\n  \n", [], ["data", "# data"]),
        ("x?[a-c]\n[^d]z\n", ["x1b", "az"], ["x1d", "dz", "x/b"]),
        ("*/temp*\n", ["a/temp", "a/temps/b"], ["temp", "a/b/temp"]),
        ("a\\*\n[z-a]\n[\n", ["a*", "[z-a]", "["], ["ab", "z"]),
        ("\ufeffdata\r\nmore\r\n", ["data", "more/x"], []),
    ],
)
def test_ignored(rules: str, kept_out: list[str], kept: list[str]):
    ignores = ignorer(rules.encode())
    assert [path for path in (*kept_out, *kept) if ignores(path)] == kept_out
