"""A large file on its way in at the far end. It is sent there, with `agent`."""

import fcntl
import hashlib
import os
import time

from git_datmo.remotes.ssh.fardisk import BLOCK, make_folder
from git_datmo.remotes.ssh.farstore import FarStore, discard

# Whoever was at the same upload may still hold it for so long, in seconds, after a cut.
PATIENCE = 5


class FarPart:
    """The file lies under a name of the client's own, so that it can be gone on with later.

    While another connection holds that name, under one that is thrown away at the end.
    """

    def __init__(self, store: FarStore, key: str, digest: str, nonce: str) -> None:
        folder = os.path.join(store.path, b"parts")
        make_folder(folder)
        self.path = os.path.join(folder, f"{key}-{digest}.{nonce}".encode("ascii"))
        self.key, self.digest = key, digest
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        until = time.time() + PATIENCE
        while True:
            self.fd = os.open(self.path, flags, 0o600)
            try:
                fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(self.fd).st_ino == os.stat(self.path).st_ino:
                    return
            except OSError:
                if time.time() > until:
                    break
                time.sleep(0.1)
            os.close(self.fd)
        os.close(self.fd)
        self.fd, self.path = store.temporary()

    def held(self) -> "tuple[int, str]":
        """How many bytes came so far, and their sha256."""
        digest, offset = hashlib.sha256(), 0
        while True:
            data = os.pread(self.fd, BLOCK, offset)
            if not data:
                return offset, digest.hexdigest()
            digest.update(data)
            offset += len(data)

    def forget(self) -> None:
        """What came is not needed."""
        os.unlink(self.path)

    def close(self) -> None:
        """Let others go on with it."""
        os.close(self.fd)
        discard(self.path)
