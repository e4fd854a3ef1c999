"""What a hostile Git LFS server can try: nothing leaves that should not, nothing comes in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from git_datmo.errors import DatmoError, RemoteError
from git_datmo.remotes.lfs.headers import headers_of
from git_datmo.remotes.lfs.place import Lfs
from git_datmo.storage.store import Store
from tests.contracts.places.ground import fill, nothing, some
from tests.kit.lfsserver import Field, Handler, LfsServer

LOGIN = "http.extraHeader=Authorization: Basic YWRhOnNlY3JldA=="  # ada:secret
MARK = "YWRhOnNlY3JldA=="


@pytest.fixture
def server(lfs_field: Field) -> LfsServer:
    lfs_field.server.users = {"ada": "secret"}
    return lfs_field.server


@pytest.fixture
def other(tmp_path: Path) -> Iterator[LfsServer]:
    """A server on another host, which keeps its files in the same folder."""
    made = LfsServer(tmp_path / "lfs-server", host="127.0.0.2").start()
    yield made
    made.stop()


@pytest.fixture
def here(lfs_field: Field) -> Store:
    return Store(lfs_field.root / "here" / "store")


@pytest.fixture
def elsewhere(lfs_field: Field) -> Store:
    return Store(lfs_field.root / "elsewhere" / "store")


@pytest.fixture
def place(lfs_field: Field) -> Lfs:
    return lfs_field.clone("a", None, LOGIN)


def rewritten(server: LfsServer, edit: Callable[[dict[str, Any]], object]) -> None:
    """From now on answers of the batch API are what `edit` makes of them."""
    honest = Handler.answer

    def fault(handler: Handler) -> bool:
        def answer(status: int, document: Any, headers: Any = None) -> None:
            if handler.path.endswith("/objects/batch") and status == 200:
                changed = edit(document)
                document = document if changed is None else changed
            honest(handler, status, document, headers)

        handler.answer = answer  # type: ignore[method-assign]
        return False

    server.faults.append(fault)


def actions(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in document["objects"]:
        yield from item.get("actions", {}).values()


def test_another_host_gets_content_and_no_password(
    server: LfsServer, other: LfsServer, here: Store, elsewhere: Store, place: Lfs
) -> None:
    server.data_url = other.base
    pointers = fill(here, some(1, 1000))
    place.put(here, pointers, nothing)
    assert place.get(elsewhere, pointers, nothing) == {}
    assert [seen.method for seen in other.seen] == ["PUT", "GET"]
    for seen in other.seen:
        assert MARK not in str(seen.headers)
    assert all(MARK in str(seen.headers) for seen in server.requests("POST"))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_takes_no_password_along(
    server: LfsServer, other: LfsServer, here: Store, elsewhere: Store, place: Lfs, status: int
) -> None:
    server.redirect("", "/data/", other.base, status)
    pointers = fill(here, some(1, 300_000))
    place.put(here, pointers, nothing)
    assert place.get(elsewhere, pointers, nothing) == {}
    assert elsewhere.missing(pointers) == []
    assert [seen.method for seen in other.seen] == ["PUT", "GET"]
    for seen in other.seen:
        assert MARK not in str(seen.headers)


def test_a_redirect_takes_no_token_along(
    server: LfsServer, other: LfsServer, here: Store, place: Lfs
) -> None:
    server.tokens = True
    server.redirect("PUT", "/data/", other.base)
    place.put(here, fill(here, some(1, 1000)), nothing)
    [seen] = other.seen
    assert "Token" not in str(seen.headers)
    assert seen.headers["Content-Length"] == "1000"


def test_a_redirect_on_the_same_host_keeps_the_password(
    server: LfsServer, here: Store, place: Lfs
) -> None:
    def fault(handler: Handler) -> bool:
        if not handler.path.startswith("/team/"):
            return False
        handler.drain()
        handler.answer(307, {}, {"Location": "/moved" + handler.path.removeprefix("/team")})
        return True

    server.faults.append(fault)
    pointers = fill(here, some(1, 1000))
    place.put(here, pointers, nothing)
    assert place.present(pointers) == set(pointers)


def test_a_redirect_in_a_circle_ends(server: LfsServer, here: Store, place: Lfs) -> None:
    server.redirect("POST", "", server.base)
    with pytest.raises(RemoteError, match="redirects more than"):
        place.put(here, fill(here, some(1, 1000)), nothing)
    assert len(server.seen) < 10


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://x/", "http://h:0x/"]
)
def test_a_redirect_to_no_web_address(
    server: LfsServer, here: Store, place: Lfs, target: str
) -> None:
    def fault(handler: Handler) -> bool:
        handler.drain()
        handler.answer(307, {}, {"Location": target})
        return True

    server.faults.append(fault)
    with pytest.raises(RemoteError, match="not followed"):
        place.put(here, fill(here, some(1, 1000)), nothing)


@pytest.mark.parametrize(
    "href",
    [
        "file:///etc/passwd",
        "/relative",
        "//host/x",
        "ftp://host/x",
        "http:///x",
        "http://user:password@host/x",
        "http://host/a b",
        "http://host/a\r\nX: y",
        "http://host:port/",
        "http://host/" + "x" * 20_000,
        "",
    ],
)
def test_hrefs_that_are_not_followed(
    server: LfsServer, here: Store, elsewhere: Store, place: Lfs, href: str
) -> None:
    def edit(document: dict[str, Any]) -> None:
        for action in actions(document):
            action["href"] = href

    pointers = fill(here, some(1, 1000))
    place.put(here, pointers, nothing)
    rewritten(server, edit)
    with pytest.raises(RemoteError, match="not followed"):
        place.get(elsewhere, pointers, nothing)
    with pytest.raises(RemoteError, match="not followed"):
        place.put(here, fill(here, some(2, 1000)), nothing)


def objects(value: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda document: {**document, "objects": value}


def each_object(**facts: Any) -> Callable[[dict[str, Any]], None]:
    def edit(document: dict[str, Any]) -> None:
        for item in document["objects"]:
            item.update(facts)

    return edit


def each_action(**facts: Any) -> Callable[[dict[str, Any]], None]:
    def edit(document: dict[str, Any]) -> None:
        for action in actions(document):
            action.update(facts)

    return edit


NONSENSE: dict[str, Callable[[dict[str, Any]], object]] = {
    "not json": lambda document: b"<html>please sign in</html>",
    "a list": lambda document: [],
    "deep": lambda document: b"[" * 100_000,
    "no objects": lambda document: {"transfer": "basic"},
    "objects null": objects(None),
    "objects text": objects("x"),
    "objects of nothing": objects([]),
    "objects of text": objects(["x"]),
    "objects of others": objects([{"oid": "0" * 64, "size": 1}]),
    "too many objects": objects([{"oid": "0" * 64, "size": 1}] * 1000),
    "another transfer": lambda document: {**document, "transfer": "ssh"},
    "another hash": lambda document: {**document, "hash_algo": "sha512"},
    "an error that is none": each_object(error="no"),
    "an error without code": each_object(error={"message": "no"}),
    "actions as text": each_object(actions="x"),
    "an action as text": each_object(actions={"upload": "x", "download": "x"}),
    "an action without href": each_object(actions={"upload": {}, "download": {}}),
    "header as text": each_action(header="x"),
    "header with a line break": each_action(header={"X": "a\r\nHost: evil"}),
    "header with a number": each_action(header={"X": 7}),
    "header without a name": each_action(header={"": "x"}),
    "too many headers": each_action(header={f"X{n}": "x" for n in range(100)}),
    "a huge header": each_action(header={"X": "x" * 100_000}),
    "endless": lambda document: b" " * (17 * 1024 * 1024),
}


@pytest.mark.parametrize("edit", NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_is_a_clear_error(
    server: LfsServer,
    here: Store,
    elsewhere: Store,
    place: Lfs,
    edit: Callable[[dict[str, Any]], object],
) -> None:
    pointers = fill(here, some(1, 1000))
    place.put(here, pointers, nothing)
    rewritten(server, edit)
    with pytest.raises(DatmoError) as caught:
        assert place.get(elsewhere, pointers, nothing) == {}
        raise AssertionError("it was believed")
    assert len(caught.value.message) < 2000
    with pytest.raises(RemoteError):
        place.put(here, fill(here, some(2, 1000)), nothing)
    assert elsewhere.missing(pointers) == pointers


def test_another_size_is_as_good_as_nothing(
    server: LfsServer, here: Store, elsewhere: Store, place: Lfs
) -> None:
    pointers = fill(here, some(1, 1000))
    place.put(here, pointers, nothing)
    rewritten(server, each_object(size=7))
    assert place.present(pointers) == set()
    assert list(place.get(elsewhere, pointers, nothing)) == pointers
    with pytest.raises(RemoteError, match="has 7 bytes there"):
        place.put(here, fill(here, some(2, 1000)), nothing)


@pytest.mark.parametrize("ends", [{"expires_in": "soon"}, {"expires_at": []}, {"expires_in": -1}])
def test_an_end_that_is_none_does_not_matter(
    server: LfsServer, here: Store, place: Lfs, ends: dict[str, Any]
) -> None:
    server.ends = ends
    pointers = fill(here, some(1, 1000))
    place.put(here, pointers, nothing)
    assert place.present(pointers) == set(pointers)


def test_words_of_a_server_cannot_bend_a_terminal(
    server: LfsServer, here: Store, place: Lfs
) -> None:
    def fault(handler: Handler) -> bool:
        handler.drain()
        said = "\x1b]0;owned\x07\u202eevil\nsecond line" + "x" * 10_000
        handler.answer(403, json.dumps({"message": said}).encode())
        return True

    server.faults.append(fault)
    with pytest.raises(RemoteError, match="evil second line") as caught:
        place.put(here, fill(here, some(1, 1000)), nothing)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 500


def test_headers_that_bend_the_request_are_left_out() -> None:
    asked = {"Host": "evil", "content-length": "0", "Range": "bytes=0-1", "X-Fine": "yes"}
    assert headers_of(asked) == {"X-Fine": "yes"}
    assert headers_of(None) == {}


def test_an_answer_in_pieces_that_never_ends(
    server: LfsServer, here: Store, elsewhere: Store, place: Lfs
) -> None:
    """Content without a length, and more and more of it."""
    pointers = fill(here, some(1, 1000))
    place.put(here, pointers, nothing)
    sent = [0]

    def fault(handler: Handler) -> bool:
        if handler.command != "GET":
            return False
        handler.close_connection = True
        handler.send_response(200)
        handler.end_headers()
        for _ in range(20_000):
            handler.wfile.write(b"x" * 65_536)
            sent[0] += 65_536
        return True

    server.faults.append(fault)
    failed = place.get(elsewhere, pointers, nothing)
    assert list(failed) == pointers
    assert sent[0] < 100_000_000
    assert list((elsewhere.folder / "parts").iterdir()) == []
