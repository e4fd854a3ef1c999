"""Untracked files that look like secrets: by their names, and by what small ones hold.

Names follow the defaults of the common secret scanners (gitleaks, detect-secrets); only
patterns with few false alarms are kept.
"""

from __future__ import annotations

import re

_NAMES = re.compile(
    rb"""(?:^|/)(?:
        \.env(?:\.(?!example$|sample$|template$|dist$)[^/]*)? | \.netrc | _netrc | \.pgpass
      | \.git-credentials | \.htpasswd | \.pypirc | \.npmrc | \.dockercfg | \.vault-token
      | id_(?:rsa|dsa|ecdsa|ed25519)(?:_[^/]*)? | [^/]*\.(?:pem|key|p12|pfx|jks|keystore|kdbx|ppk)
      | credentials(?:\.json|\.ya?ml|\.toml|\.ini)? | client_secrets?[^/]*\.json
      | service[-_]account[^/]*\.json | secrets?\.(?:json|ya?ml|toml|ini|env|txt)
    )$""",
    re.VERBOSE | re.IGNORECASE,
)

_CONTENT = re.compile(
    rb"""(?P<private_key>-----BEGIN\ (?:[A-Z0-9]+\ )*PRIVATE\ KEY(?:\ BLOCK)?-----)
      | (?P<aws_access_key>(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9]))
      | (?P<github_token>(?<![A-Za-z0-9_])(?:
            gh[pousr]_[A-Za-z0-9]{36,} | github_pat_[A-Za-z0-9_]{60,}))
      | (?P<gitlab_token>(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{20,})
      | (?P<slack_token>(?<![A-Za-z0-9])xox[abprs]-[A-Za-z0-9-]{20,})
      | (?P<google_api_key>(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-]))
      | (?P<huggingface_token>(?<![A-Za-z0-9])hf_[A-Za-z0-9]{34,}(?![A-Za-z0-9]))
      | (?P<openai_key>(?<![A-Za-z0-9])sk-(?:proj-)?[A-Za-z0-9_-]{40,})
      | (?P<stripe_key>(?<![A-Za-z0-9])[sr]k_live_[A-Za-z0-9]{20,})
      | (?P<pypi_token>pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,})
    """,
    re.VERBOSE,
)

# In JSON the letter of an escape may stand before a token, and is no part of a word.
_ESCAPE = re.compile(rb"\\(?:[bfnrt]|u[0-9a-fA-F]{4})")

# Every pattern of _CONTENT holds one of these, so most files are dismissed by a plain search.
_MARKS = (
    b"PRIVATE KEY", b"AKIA", b"ASIA", b"gh", b"glpat-", b"xox", b"AIza", b"hf_", b"sk-",
    b"k_live_", b"pypi-",
)  # fmt: skip


_VARIABLE = re.compile(
    r"TOKEN|SECRET|PASSW(?:OR)?D|PASSPHRASE|CREDENTIAL|(?:API|ACCESS|PRIVATE|AUTH)_?KEY|(?:^|_)PWD$"
    r"|(?:^|_)AUTH$|_DSN$|DATABASE_URL",
    re.IGNORECASE,
)


def in_variable(name: str) -> bool:
    """Whether a variable of this name usually holds a secret."""
    return _VARIABLE.search(name) is not None


def in_name(path: bytes) -> str | None:
    """Why a path looks like a secret, or None."""
    return "its name" if _NAMES.search(path) else None


def in_content(data: bytes) -> str | None:
    """Which kind of secret the bytes hold, or None."""
    if not any(mark in data for mark in _MARKS):
        return None
    match = _CONTENT.search(data) or (
        _CONTENT.search(_ESCAPE.sub(b" ", data)) if b"\\" in data else None
    )
    return f"it holds a {str(match.lastgroup).replace('_', ' ')}" if match else None
