"""The Git LFS batch API: which of some objects are there, and how each is moved."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Any

import orjson

from git_datmo.errors import RemoteError
from git_datmo.model.frozen import field, frozen
from git_datmo.remotes.lfs.access import EARLY, Access, ending
from git_datmo.remotes.lfs.endpoint import origin, shown
from git_datmo.remotes.lfs.headers import headers_of, value_of
from git_datmo.remotes.lfs.http import Http, checked, persistently
from git_datmo.remotes.lfs.refusals import refusal

MEDIA_TYPE = "application/vnd.git-lfs+json"
# Servers refuse larger ones; GitHub and GitLab take this many.
MOST_OBJECTS = 100
MOST_BYTES = 16 * 1024 * 1024
OID = re.compile(r"[0-9a-f]{64}")


@frozen
class Object:
    """A file as Git LFS knows it: the SHA-256 of its bytes, and how many they are."""

    oid: str
    size: int


@frozen
class Action:
    """A request that moves or verifies an object, good until `ends` on the monotonic clock."""

    href: str
    headers: dict[str, str] = field(repr=False)
    ends: float | None = None

    @property
    def over(self) -> bool:
        """Whether the server would not honour it any more."""
        return self.ends is not None and self.ends < time.monotonic() + EARLY


@frozen
class Answer:
    """What a server said on an object: actions by name, or a `code` as of HTTP and why not."""

    thing: Object
    actions: dict[str, Action]
    code: int | None = None
    message: str = ""


class Api:
    """The batch API of one endpoint, for one operation."""

    def __init__(self, http: Http, access: Access, operation: str) -> None:
        self._http, self._access = http, access
        self.operation = operation

    @property
    def address(self) -> str:
        """Where the API is, as people may read it."""
        return shown(self._access.current().url)

    def ask(self, things: Sequence[Object]) -> dict[Object, Answer]:
        """What the server says on at most MOST_OBJECTS objects. Raises RemoteError."""
        question = {
            "operation": self.operation,
            "transfers": ["basic"],
            "objects": [{"oid": thing.oid, "size": thing.size} for thing in things],
            "hash_algo": "sha256",
        }
        found = self.post("objects/batch", question)
        try:
            if found.get("transfer") not in (None, "", "basic"):
                raise ValueError(f"it moves content by {found['transfer']!r}, not by 'basic'")
            if found.get("hash_algo") not in (None, "", "sha256"):
                raise ValueError(f"it knows content by {found['hash_algo']!r}, not by sha256")
            return self._answers(found.get("objects"), things)
        except ValueError as error:
            raise RemoteError(f"{self.address} answered what cannot be used: {error}") from error

    def post(self, path: str, question: dict[str, Any]) -> dict[str, Any]:
        """Ask the API and return the JSON object it answered, let in as needed."""
        return persistently(lambda: self._post(path, question))

    def _post(self, path: str, question: dict[str, Any]) -> dict[str, Any]:
        media = {"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE}
        while True:
            shows = self._access.current()
            url = f"{shows.url}/{path}"
            headers = {**shows.headers, **media}
            response = self._http.send("POST", url, headers, orjson.dumps(question))
            with response:
                if response.status == 401:
                    response.drain_conn()
                    self._access.refused(shows)
                    continue
                if response.status != 200:
                    raise refusal(response, url, self.operation)
                self._access.worked(shows)
                data = _read(response, url)
            try:
                found = orjson.loads(data)
                if not isinstance(found, dict):
                    raise ValueError("it is no JSON object")
            except ValueError as error:
                raise RemoteError(
                    f"{shown(url)} does not answer as a Git LFS server does: {error}",
                    hint="is the address right? git config remote.<name>.lfsurl sets another",
                ) from error
            return found

    def own_headers(self, action: Action) -> dict[str, str]:
        """The headers for an action: its own, and our way in where it goes to the same host."""
        shows = self._access.current()
        if value_of(action.headers, "Authorization") is not None:
            return action.headers
        if origin(action.href) != origin(shows.url):
            return action.headers
        return {**shows.headers, **action.headers}

    def _answers(self, listed: object, things: Sequence[Object]) -> dict[Object, Answer]:
        if not isinstance(listed, list) or len(listed) > 4 * MOST_OBJECTS:
            raise ValueError("'objects' is no list of them")
        asked = {thing.oid: thing for thing in things}
        found: dict[Object, Answer] = {}
        for item in listed:
            if not isinstance(item, dict):
                raise ValueError("'objects' has something that is none")
            thing = asked.get(str(item.get("oid")))
            if thing is not None:
                found[thing] = self._answer(thing, item)
        absent = [thing for thing in things if thing not in found]
        if absent:
            raise ValueError(f"it says nothing on {len(absent)} objects that it was asked for")
        return found

    def _answer(self, thing: Object, item: dict[str, Any]) -> Answer:
        error = item.get("error")
        if error:
            if not isinstance(error, dict) or type(error.get("code")) is not int:
                raise ValueError("an object's 'error' is none")
            return Answer(thing, {}, error["code"], str(error.get("message", "")))
        if item.get("size", thing.size) != thing.size:
            said = f"it has {item['size']} bytes there, not {thing.size}"
            return Answer(thing, {}, 422, said)
        listed = item.get("actions") or item.get("_links") or {}
        if not isinstance(listed, dict):
            raise ValueError("an object's 'actions' are none")
        base = self._access.current().url
        actions = {}
        for name, action in listed.items():
            if not isinstance(action, dict) or not isinstance(action.get("href"), str):
                raise ValueError(f"the action {name!r} of an object is none")
            ends = ending(action.get("expires_in"), action.get("expires_at"))
            href = checked(action["href"], base)
            actions[str(name)] = Action(href, headers_of(action.get("header")), ends)
        return Answer(thing, actions)


def _read(response: Any, url: str) -> bytes:
    """A whole small body. Raises RemoteError for a large one."""
    from urllib3.exceptions import HTTPError

    from git_datmo.remotes.lfs.http import Passing

    try:
        data: bytes = response.read(MOST_BYTES + 1)
    except (HTTPError, OSError) as error:
        raise Passing(f"the answer of {shown(url)} broke off") from error
    if len(data) > MOST_BYTES:
        raise RemoteError(f"{shown(url)} answered with more than {MOST_BYTES} bytes")
    return data
