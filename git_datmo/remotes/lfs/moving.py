"""One object to or from a server, by the actions that the batch API named."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING

import orjson

from git_datmo.errors import ContentMissing, DamagedContent, RemoteError
from git_datmo.model.pointer import Pointer
from git_datmo.remotes.base import Advance
from git_datmo.remotes.lfs.batch import MEDIA_TYPE, Action, Answer, Api
from git_datmo.remotes.lfs.endpoint import shown
from git_datmo.remotes.lfs.headers import value_of
from git_datmo.remotes.lfs.http import BLOCK, Http, Passing, persistently
from git_datmo.remotes.lfs.refusals import meant, plain, refusal
from git_datmo.storage.arrivals import Arrival, receive
from git_datmo.storage.store import Store

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

# What may be said because an action is used too late: asking for a new one shows.
_PERHAPS_LATE = frozenset({401, 403, 404, 410})
_GONE = frozenset({404, 410})
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class Mover:
    """Moves objects for one operation, from several threads."""

    def __init__(self, api: Api, http: Http) -> None:
        self._api, self._http = api, http

    def upload(self, answer: Answer, source: Store, pointer: Pointer, advance: Advance) -> None:
        """Bring one object there, unless the server has it.

        Raises RemoteError, and ContentMissing or DamagedContent when `source` cannot give it.
        """
        way, count = _Way(self._api, answer), _Count(advance)

        def attempt() -> None:
            while (action := way.action("upload")) is not None:
                with open(source.open(pointer), "rb", buffering=0) as file:
                    response = self._put(action, _Body(file, count), pointer.size)
                with response:
                    if way.try_anew(response.status):
                        response.drain_conn()
                        continue
                    if not 200 <= response.status < 300:
                        raise refusal(response, action.href, "upload")
                    response.drain_conn()
                break
            verify = way.action("verify")
            if verify is not None:
                self._verify(verify, answer)

        persistently(way.again(attempt))
        count.to(pointer.size)

    def download(self, answer: Answer, target: Store, pointer: Pointer, advance: Advance) -> None:
        """Fetch one object, going on where an earlier try was cut off.

        Raises RemoteError, ContentMissing when it is not there, DamagedContent when it is there
        and is something else.
        """
        if not pointer.size:
            with receive(target, pointer):
                return
        way, count = _Way(self._api, answer), _Count(advance)

        def attempt() -> None:
            action = way.action("download")
            if action is None:
                raise _missing(self._api, answer)
            with receive(target, pointer) as arrival:
                count.begin(arrival.offset)
                while arrival.offset < pointer.size:
                    headers = self._api.own_headers(action)
                    if arrival.offset:
                        headers = {**headers, "Range": f"bytes={arrival.offset}-"}
                    with self._http.send("GET", action.href, headers) as response:
                        if way.try_anew(response.status):
                            action = way.action("download")
                            if action is None:
                                raise _missing(self._api, answer)
                            continue
                        self._take(response, action, arrival, count)

        persistently(way.again(attempt), count.so_far)

    def _put(self, action: Action, body: _Body, size: int) -> BaseHTTPResponse:
        headers = dict(self._api.own_headers(action))
        coding = value_of(headers, "Transfer-Encoding")
        headers = {n: text for n, text in headers.items() if n.lower() != "transfer-encoding"}
        chunked = coding is not None and coding.lower() == "chunked"
        if value_of(headers, "Content-Type") is None:
            headers["Content-Type"] = "application/octet-stream"
        if not chunked:
            headers["Content-Length"] = str(size)
        return self._http.send("PUT", action.href, headers, body, chunked=chunked)

    def _verify(self, action: Action, answer: Answer) -> None:
        media = {"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE}
        headers = {**self._api.own_headers(action), **media}
        said = orjson.dumps({"oid": answer.thing.oid, "size": answer.thing.size})
        with self._http.send("POST", action.href, headers, said) as response:
            if not 200 <= response.status < 300:
                raise refusal(response, action.href, "upload")
            response.drain_conn()

    def _take(
        self, response: BaseHTTPResponse, action: Action, arrival: Arrival, count: _Count
    ) -> None:
        from urllib3.exceptions import HTTPError

        size = arrival.pointer.size
        if response.status == 416:
            arrival.restart()
            raise Passing(f"{shown(action.href)} does not go on where it was cut", pause=0.0)
        if response.status not in (200, 206):
            if response.status in _GONE:
                raise ContentMissing(f"{self._api.address} has lost {arrival.pointer.key}")
            raise refusal(response, action.href, "download")
        total = _total(response, arrival)
        if total is not None and total != size:
            arrival.restart()
            raise DamagedContent(
                f"{self._api.address} has {total} bytes as {arrival.pointer.key}, not {size}"
            )
        while True:
            try:
                data = response.read(BLOCK)
            except (HTTPError, OSError) as error:
                raise Passing(_short(action, arrival)) from error
            if not data:
                break
            arrival.write(data)
            count.to(arrival.offset)
        if arrival.offset < size:
            raise Passing(_short(action, arrival))


def refused(api: Api, answer: Answer) -> RemoteError:
    """The error for an object that the server gave a code for."""
    said = f"{plain(answer.message)} (object {answer.thing.oid[:12]}…, {answer.thing.size} bytes)"
    return meant(answer.code or 0, api.address, api.operation, said)


class _Way:
    """The actions of one object, asked for anew when they are too old to be honoured."""

    def __init__(self, api: Api, answer: Answer) -> None:
        self._api, self._answer = api, answer
        self._renewed = False

    def action(self, name: str) -> Action | None:
        """The action of this name, None where the server sees nothing to do."""
        action = self._answer.actions.get(name)
        if action is not None and action.over:
            self._ask()
            action = self._answer.actions.get(name)
        return action

    def try_anew(self, status: int) -> bool:
        """Whether an answer may be due to an action used too late; then there is a new one."""
        if status not in _PERHAPS_LATE or self._renewed:
            return False
        self._renewed = True
        self._ask()
        return True

    def again(self, attempt: Callable[[], None]) -> Callable[[], None]:
        """`attempt`, which after its first time begins by asking what is left to do."""
        begun = False

        def anew() -> None:
            nonlocal begun
            if begun:
                self._ask()
            begun = True
            attempt()

        return anew

    def _ask(self) -> None:
        thing = self._answer.thing
        answer = self._api.ask([thing])[thing]
        if answer.code is not None and answer.code not in _GONE:
            raise refused(self._api, answer)
        self._answer = answer


class _Count:
    """Tells `advance` of each byte once, however often it moves."""

    def __init__(self, advance: Advance) -> None:
        self._advance = advance
        self._counted: int | None = None

    def so_far(self) -> int:
        """Bytes that need not move again."""
        return self._counted or 0

    def begin(self, offset: int) -> None:
        """What is here before the first try did not move."""
        if self._counted is None:
            self._counted = offset

    def to(self, offset: int) -> None:
        """So much of it is there now."""
        counted = self._counted or 0
        if offset > counted:
            self._counted = offset
            self._advance(offset - counted)


class _Body:
    """A file on its way out. What urllib3 reads has not all arrived, but is about to."""

    def __init__(self, file: IO[bytes], count: _Count) -> None:
        self._file, self._count = file, count

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self._file.read(size)
        self._count.to(self._file.tell())
        return data

    def __iter__(self) -> Iterator[bytes]:
        """What is left, in blocks: what urllib3 1 asks of a body without a length."""
        return iter(lambda: self.read(BLOCK), b"")

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position: after a redirect, the beginning."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """How much was read."""
        return self._file.tell()


def _total(response: BaseHTTPResponse, arrival: Arrival) -> int | None:
    """How long the whole object is, as the answer says; what it goes on from is `arrival`'s."""
    if response.status == 206:
        match = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        if match is None or int(match[1]) != arrival.offset:
            arrival.restart()
            raise Passing("the server went on at another place than asked", pause=0.0)
        return None if match[2] == "*" else int(match[2])
    if arrival.offset:
        arrival.restart()
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isascii() and length.isdecimal() else None


def _short(action: Action, arrival: Arrival) -> str:
    where = shown(action.href).partition("?")[0]
    return f"the connection to {where} broke at {arrival.offset} of {arrival.pointer.size} bytes"


def _missing(api: Api, answer: Answer) -> ContentMissing:
    return ContentMissing(f"{api.address} has no object {answer.thing.oid}")
