"""Signatures of commits: git makes and judges them, with the user's own setup."""

from __future__ import annotations

import os
import re
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

from git_datmo.errors import SigningFailed
from git_datmo.model import verification
from git_datmo.model.frozen import frozen
from git_datmo.model.verification import Signature
from git_datmo.storage.git import Git, given

# What git itself puts into a commit, and what it starts with in each of its formats.
_HEADER = b"gpgsig "
_FORMATS = {b"PGP": "openpgp", b"SSH": "ssh", b"SIGNED": "x509"}
_ARMOR = re.compile(rb"-----BEGIN (PGP|SSH|SIGNED) (?:SIGNATURE|MESSAGE)-----")
_IDENT = re.compile(rb"(.*) <(.*)> (\d+ [+-]\d{4})", re.DOTALL)
_GPG = re.compile(r"^\[GNUPG:\] (\w+) ?(.*)$", re.MULTILINE)
_SSH = re.compile(r'Good "git" signature (?:for (?P<signer>.*) )?with \S+ key (?P<key>\S+)')
_DOUBTS = {
    "BADSIG": verification.BAD,
    "REVKEYSIG": verification.REVOKED,
    "EXPSIG": verification.EXPIRED,
    "EXPKEYSIG": verification.EXPIRED,
}


@frozen
class Signer:
    """Has git sign commits. `secure` writes objects again that a `git gc` took away meanwhile."""

    git: Git
    common_dir: Path
    secure: Callable[[], bool]

    def sign(self, data: bytes) -> bytes:
        """A commit's bytes with git's signature in them. Nothing else is written.

        Raises SigningFailed with what git said.
        """
        code, signed, said = self._attempt(data)
        if code and self.secure():
            code, signed, said = self._attempt(data)
        if code:
            raise SigningFailed(
                f"nothing was recorded: git could not sign it: {said}",
                hint="see that 'git commit -S' works here: user.signingKey, gpg.format, the agent "
                "of your key; 'git -c datmo.sign=false datmo …' records it without a signature",
            )
        if without_signature(signed) != data or _HEADER not in signed.partition(b"\n\n")[0]:
            raise SigningFailed(
                "nothing was recorded: git signed other bytes than it was given",
                hint="does the message hold characters that Unicode leaves undefined?",
            )
        return signed

    def _attempt(self, data: bytes) -> tuple[int, bytes, str]:
        """git's exit code, the signed commit, and git's own words when it failed."""
        head, _, message = data.partition(b"\n\n")
        fields = [line.partition(b" ")[::2] for line in head.split(b"\n")]
        tree = next(value.decode() for key, value in fields if key == b"tree")
        parents = [value.decode() for key, value in fields if key == b"parent"]
        # git writes what it makes: into a folder of its own, for it would not be flushed to disk.
        with tempfile.TemporaryDirectory(prefix="git-datmo-sign-") as folder:
            env = given()
            env["GIT_OBJECT_DIRECTORY"] = folder
            env["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = _quoted(self.common_dir / "objects")
            for key, value in fields:
                match = _IDENT.fullmatch(value)
                if key in (b"author", b"committer") and match is not None:
                    role = key.decode().upper()
                    env[f"GIT_{role}_NAME"] = os.fsdecode(match[1])
                    env[f"GIT_{role}_EMAIL"] = os.fsdecode(match[2])
                    env[f"GIT_{role}_DATE"] = "@" + match[3].decode()
            words = ["-c", "i18n.commitEncoding=UTF-8", "commit-tree", "-S", tree]
            for parent in parents:
                words += ["-p", parent]
            code, out, err = self.git.attempt(*words, data=message, env=env)
            if code:
                return code, b"", _plain(err)
            oid = out.decode().strip()
            loose = zlib.decompress(Path(folder, oid[:2], oid[2:]).read_bytes())
            return 0, loose.partition(b"\0")[2], ""


def without_signature(data: bytes) -> bytes:
    """A commit's bytes as they were signed."""
    head, gap, message = data.partition(b"\n\n")
    kept, inside = [], False
    for line in head.split(b"\n"):
        inside = line.startswith(_HEADER) or (inside and line.startswith(b" "))
        if not inside:
            kept.append(line)
    return b"\n".join(kept) + gap + message


def signature_of(git: Git, oid: str, data: bytes) -> Signature:
    """What git says of the signature of a commit, `data` being the commit's bytes.

    Nothing but the user's own keys and lists of signers is asked.
    """
    head = data.partition(b"\n\n")[0]
    if not any(line.startswith(_HEADER) for line in head.split(b"\n")):
        return Signature(verification.UNSIGNED)
    armor = _ARMOR.search(head)
    kind = _FORMATS[armor[1]] if armor is not None else None
    # What refs/replace puts in its place would be verified otherwise.
    env = {**given(), "GIT_NO_REPLACE_OBJECTS": "1"}
    code, _, err = git.attempt("verify-commit", "--raw", oid, env=env)
    said = err.decode(errors="replace").strip()
    read = _ssh if kind == "ssh" else _gnupg
    state, signer, key = read(said)
    if code == 0:
        state = verification.GOOD
    elif state == verification.GOOD:
        state = verification.UNKNOWN  # Nobody vouches for the key.
    return Signature(state, kind, signer, key, said)


def _gnupg(said: str) -> tuple[str, str | None, str | None]:
    """State, signer and key by the status lines of GnuPG."""
    state, signer, key = verification.UNKNOWN, None, None
    for word, rest in _GPG.findall(said):
        if word in ("GOODSIG", *_DOUBTS):
            state = _DOUBTS.get(word, verification.GOOD)
            key, _, signer = rest.partition(" ")
        elif word == "VALIDSIG":
            key = rest.partition(" ")[0]
        elif word == "NO_PUBKEY":
            key = rest
    return state, signer or None, key


def _ssh(said: str) -> tuple[str, str | None, str | None]:
    """State, signer and key by what ssh-keygen prints."""
    match = _SSH.search(said)
    if match is not None:
        return verification.GOOD, match["signer"], match["key"]
    bad = re.search(r"incorrect signature|Could not verify signature", said)
    return (verification.BAD if bad else verification.UNKNOWN), None, None


def _plain(err: bytes) -> str:
    """What git said when it failed, on one line."""
    lines = (line.strip() for line in err.decode(errors="replace").splitlines())
    said = [line.removeprefix("error: ").removeprefix("fatal: ") for line in lines if line]
    return "; ".join(line.rstrip("?") for line in said) or "it gave no reason"


def _quoted(path: Path) -> str:
    """A path as git reads it in a list of paths, whatever it holds."""
    text = os.fspath(path)
    for sign, written in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n")):
        text = text.replace(sign, written)
    return f'"{text}"'
