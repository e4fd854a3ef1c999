"""Files by commit and path: folders, what can be shown, and the bytes themselves.

What is in a file was made by anybody: it is shown as text of ours, or as a picture that can hold
no script; its bytes only ever leave as a download that no page of ours would run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import StreamingResponse

from git_datmo.api import files as files_api
from git_datmo.errors import DatmoError, EntityNotFound
from git_datmo.model.file import FILE, FOLDER, LINK, File
from git_datmo.ui.preview import HEAD, picture_type, preview
from git_datmo.ui.web import answers
from git_datmo.ui.web.address import choices
from git_datmo.ui.web.desk import project_of
from git_datmo.ui.web.fileaddress import file_address, file_path

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

CHUNK = 1 << 18
SANDBOX = "default-src 'none'; sandbox; frame-ancestors 'none'"


def page(request: Request) -> Response:
    """A folder's list, or one file as far as it can be shown."""
    project, asked = project_of(request), choices(request)
    commit, path = request.path_params["commit"], _path(request)
    found = files_api.look(project, id=commit, path=path)
    given = {
        "title": found.name or commit[: answers.SHORT],
        "commit": commit,
        "crumbs": crumbs(commit, path),
        "file": found,
        "address": file_address,
    }
    if found.kind == FOLDER:
        listed = files_api.folder(
            project, id=commit, path=path, limit=asked.rows, offset=(asked.page - 1) * asked.rows
        )
        first = (asked.page - 1) * asked.rows + 1
        return answers.page(request, "folder.html", folder=listed, first=first, **given)
    if found.kind not in (FILE, LINK):
        raise EntityNotFound(f"{path!r} is a repository of its own: only its commit is recorded")
    shown, problem = None, None
    try:
        with files_api.open(project, id=commit, path=path) as file:
            shown = preview(found.name, file.read(HEAD), found.size or 0)
    except DatmoError as error:
        problem = error
    return answers.page(
        request,
        "file.html",
        shown=shown,
        problem=problem,
        raw=file_address(commit, path, raw=True),
        **given,
    )


def raw(request: Request) -> Response:
    """The bytes of a file, to be kept: never a page, whatever they are."""
    project = project_of(request)
    commit, path = request.path_params["commit"], _path(request)
    found = files_api.look(project, id=commit, path=path)
    file = files_api.open(project, id=commit, path=path)
    head = file.read(16)
    heads = {
        "Content-Disposition": _attachment(found),
        "Content-Security-Policy": SANDBOX,
        "X-Content-Type-Options": "nosniff",
    }
    if found.size is not None:
        heads["Content-Length"] = str(found.size)
    kind = picture_type(head) or "application/octet-stream"
    return StreamingResponse(_pieces(file, head), media_type=kind, headers=heads)


def crumbs(commit: str, path: str) -> list[tuple[str, str]]:
    """(name, address) of the commit and of every folder on the way to a path, which is the last."""
    found = [(commit[: answers.SHORT], file_address(commit))]
    parts = path.split("/") if path else []
    for number, part in enumerate(parts):
        found.append((part, file_address(commit, "/".join(parts[: number + 1]))))
    return found


def _path(request: Request) -> str:
    return file_path(request).removesuffix("/") if "path" in request.path_params else ""


def _pieces(file: IO[bytes], head: bytes) -> Iterator[bytes]:
    with file:
        yield head
        while data := file.read(CHUNK):
            yield data


def _attachment(found: File) -> str:
    name = found.name.encode("utf-8", "surrogateescape")
    plain = "".join(chr(c) if 32 <= c < 127 and chr(c) not in '"\\%;' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
