"""The far end of a connection: sent over it and run there by python3 (3.6 or later).

It and the modules named far* need only the standard library. A message is 4 bytes of length and
a JSON object; where one says so, bare bytes of content follow. After an error it ends.
"""

import errno
import json
import os
import re
import signal
import struct
import sys

from git_datmo.remotes.ssh.fardisk import BLOCK, Refused, existing, store_folder, write
from git_datmo.remotes.ssh.farpart import FarPart
from git_datmo.remotes.ssh.farstore import DIGEST, KEY, FarStore

MAGIC = b"git-datmo agent 1\n"
MESSAGE_LIMIT = 1 << 20
# A client that is silent for so long, in seconds, is gone; in the middle of content sooner.
IDLE, STALLED = 3600, 40
BATCH = 1000

_NONCE = re.compile(r"[0-9a-f]{16}\Z")
_KINDS = {
    errno.ENOSPC: "space",
    errno.EDQUOT: "space",
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    errno.EROFS: "permission",
}


class Gone(Exception):
    """The client hung up, or fell silent."""


class Session:
    """One client, from its first message to its last."""

    def __init__(self) -> None:
        self.input, self.output = sys.stdin.buffer, sys.stdout.buffer
        self.store = FarStore(b"")
        self.prepared = False
        self.part = None  # type: FarPart | None

    def serve(self) -> None:
        """Answer until the client is gone; what came whole by then gets its name."""
        signal.signal(signal.SIGALRM, silent)
        self.output.write(MAGIC)
        self.output.flush()
        try:
            while self.one():
                self.output.flush()
        except (Gone, BrokenPipeError):
            pass
        try:
            self.store.commit()
            self.output.flush()
            self.leave()
        except (OSError, Gone):
            pass

    def one(self) -> bool:
        """Answer one message; whether there may be another."""
        try:
            asked = self.message()
            if not self.store.path and asked["do"] != "open":
                raise Refused("protocol", "the first message opens a store")
            DO[str(asked["do"])](self, asked)
        except Refused as refusal:
            self.answer(error=refusal.kind, message=str(refusal))
        except BrokenPipeError:
            raise
        except OSError as error:
            where = os.fsdecode(error.filename or self.store.path)
            words = f"{where}: {error.strerror}"
            self.answer(error=_KINDS.get(error.errno or 0, "failed"), message=words)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self.answer(error="protocol", message=repr(error))
        else:
            return True
        return False

    def message(self) -> "dict[str, object]":
        signal.alarm(IDLE)
        length = struct.unpack(">I", self.exactly(4))[0]
        if length > MESSAGE_LIMIT:
            raise Refused("protocol", f"a message of {length} bytes")
        asked = json.loads(self.exactly(length).decode("ascii"))
        return dict(asked)

    def answer(self, **said: object) -> None:
        data = json.dumps(said).encode("ascii")
        self.output.write(struct.pack(">I", len(data)) + data)

    def exactly(self, count: int) -> bytes:
        data = self.input.read(count)
        if len(data) < count:
            raise Gone
        return data

    def take(self, fd: int, offset: int, count: int) -> None:
        """Put the next bytes from the client into a file."""
        while count:
            signal.alarm(STALLED)
            data = self.exactly(min(count, BLOCK))
            write(fd, data, offset)
            offset, count = offset + len(data), count - len(data)
        signal.alarm(IDLE)

    def ready(self) -> FarStore:
        """The store, after what comes before the first writing to it."""
        if not self.prepared:
            self.store.prepare()
            self.prepared = True
        return self.store

    def open(self, asked: "dict[str, object]") -> None:
        self.store = FarStore(store_folder(str(asked["path"]), asked["repository"] is True))
        path = self.store.path.decode("utf-8", "surrogateescape")
        self.answer(store=path, free=self.store.free(), python=sys.version.split()[0])

    def present(self, asked: "dict[str, object]") -> None:
        there = []
        with self.store.kept():
            for one in several(asked["names"]):
                key, digest, size = checked(*one)
                found = self.store.find(key, digest, size)
                there.append("0" if found is None else "1")
                if found is not None:
                    self.store.refresh(found[0], key[:2], found[1], found[2])
        self.answer(there="".join(there))

    def put(self, asked: "dict[str, object]") -> None:
        """A small file, whole. It is answered with its batch."""
        key, digest, size = checked(asked["key"], asked["blake3"], asked["size"])
        store = self.ready()
        fd, temporary = store.temporary()
        try:
            self.take(fd, 0, size)
        except BaseException:
            os.unlink(temporary)
            raise
        finally:
            os.close(fd)
        if store.add(temporary, key, digest) >= BATCH:
            store.commit()

    def commit(self, asked: "dict[str, object]") -> None:
        self.answer(done=self.store.commit())

    def begin(self, asked: "dict[str, object]") -> None:
        """A large file is to come: what of it is here already?"""
        key, digest, size = checked(asked["key"], asked["blake3"], asked["size"])
        nonce = str(asked["nonce"])
        if not _NONCE.match(nonce):
            raise Refused("protocol", f"{nonce!r} is no nonce")
        store = self.ready()
        self.leave()
        self.part = FarPart(store, key, digest, nonce)
        found = store.find(key, digest, size)
        if found is not None:
            self.part.forget()
            store.refresh(found[0], key[:2], found[1], found[2])
            self.answer(there=True)
            return
        offset, sha256 = self.part.held()
        if offset > size:
            os.ftruncate(self.part.fd, 0)
            offset = 0
        if size - offset > store.free():
            raise Refused("space", f"{store.free()} bytes are free on its disk")
        self.answer(offset=offset, sha256=sha256)

    def data(self, asked: "dict[str, object]") -> None:
        """The rest of the large file; from 0 when what was here is not what it should be."""
        part, size, offset = self.part, amount(asked["size"]), amount(asked["offset"])
        if part is None or offset > size:
            raise Refused("protocol", "data without a beginning")
        os.ftruncate(part.fd, offset)
        self.take(part.fd, offset, size - offset)
        self.store.add(part.path, part.key, part.digest)
        self.store.commit()
        self.leave()
        self.answer(done=1)

    def leave(self) -> None:
        if self.part is not None:
            self.part.close()
        self.part = None

    def get(self, asked: "dict[str, object]") -> None:
        key, digest, size = checked(asked["key"], asked["blake3"], asked["size"])
        offset = amount(asked["offset"])
        fd = self.store.read(key, digest, size)
        if fd is None:
            self.answer(missing=True)
            return
        try:
            self.answer(size=max(size - offset, 0))
            while offset < size:
                data = os.pread(fd, min(BLOCK, size - offset), offset)
                if not data:
                    raise SystemExit("content became shorter while it was read")
                signal.alarm(IDLE)
                self.output.write(data)
                offset += len(data)
        finally:
            os.close(fd)

    def list(self, asked: "dict[str, object]") -> None:
        files, following = self.store.page(amount(asked["start"]))
        self.answer(files=files, next=following)

    def remove(self, asked: "dict[str, object]") -> None:
        self.answer(freed=sum(self.store.remove(str(name)) for name in several(asked["names"])))

    def check(self, asked: "dict[str, object]") -> None:
        """Whether the folder can be written; where it is not there, the one it would be made in."""
        folder, reason = existing(self.store.path), ""
        try:
            if folder != self.store.path:
                if not os.access(folder, os.W_OK | os.X_OK):
                    reason = f"no permission to write {os.fsdecode(folder)}"
            else:
                fd, path = self.store.temporary()
                os.close(fd)
                os.unlink(path)
        except OSError as error:
            reason = f"cannot write {os.fsdecode(folder)}: {error.strerror}"
        made = folder == self.store.path
        self.answer(writable=not reason, reason=reason, made=made, free=self.store.free())


def checked(key: object, digest: object, size: object) -> "tuple[str, str, int]":
    """A pointer as the client wrote it."""
    if not (KEY.match(str(key)) and DIGEST.match(str(digest))):
        raise Refused("protocol", f"{key!r} {digest!r} names no content")
    return str(key), str(digest), amount(size)


def amount(said: object) -> int:
    if not isinstance(said, int) or not 0 <= said < 1 << 63:
        raise Refused("protocol", f"{said!r} is no number of bytes")
    return said


def several(said: object) -> "list[list[object]]":
    if not isinstance(said, list):
        raise Refused("protocol", f"{said!r} is no list")
    return said


def silent(number: int, frame: object) -> None:
    raise Gone


DO = {
    "open": Session.open,
    "present": Session.present,
    "put": Session.put,
    "commit": Session.commit,
    "begin": Session.begin,
    "data": Session.data,
    "get": Session.get,
    "list": Session.list,
    "remove": Session.remove,
    "check": Session.check,
}
