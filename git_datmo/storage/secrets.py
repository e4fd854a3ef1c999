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

# (what every one of its kind holds, kind, pattern). Files without the first are dismissed by a
# plain search, which most are for all kinds.
_W = rb"(?<![A-Za-z0-9])"  # no word goes on to the left
_E = rb"(?![A-Za-z0-9])"
_KINDS: tuple[tuple[bytes, str, bytes], ...] = (
    (b"PRIVATE KEY", "private key", rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    (b"PuTTY-User", "private key", rb"PuTTY-User-Key-File-\d: "),
    (b"AGE-SECRET", "private key", rb"AGE-SECRET-KEY-1[0-9A-Z]{50,}"),
    (b"AKIA", "aws access key", rb"(?<![A-Z0-9])AKIA[A-Z0-9]{16}(?![A-Z0-9])"),
    (b"ASIA", "aws access key", rb"(?<![A-Z0-9])ASIA[A-Z0-9]{16}(?![A-Z0-9])"),
    (
        *(b"ecret", "aws secret key"),
        rb"(?i:aws_?secret_?(?:access_?)?key)[\"']?\s*[=:]\s*[\"']?[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])",
    ),
    (b"gh", "github token", rb"(?<![A-Za-z0-9_])gh[pousr]_[A-Za-z0-9]{36,}"),
    (b"github_pat_", "github token", rb"(?<![A-Za-z0-9_])github_pat_[A-Za-z0-9_]{60,}"),
    (b"gl", "gitlab token", _W + rb"gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent)-[A-Za-z0-9_-]{20,}"),
    (b"xox", "slack token", _W + rb"xox[abeprs][-.][A-Za-z0-9-]{20,}"),
    (b"xapp-", "slack token", _W + rb"xapp-\d-[A-Za-z0-9-]{20,}"),
    (b"hooks.slack", "slack token", rb"hooks\.slack\.com/services/T\w{6,}/B\w{6,}/\w{20,}"),
    (b"AIza", "google api key", _W + rb"AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"),
    (b"GOCSPX-", "google client secret", _W + rb"GOCSPX-[A-Za-z0-9_-]{28}"),
    (b"ya29.", "google token", _W + rb"ya29\.[A-Za-z0-9_-]{50,}"),
    (b"hf_", "huggingface token", _W + rb"hf_[A-Za-z0-9]{34,}" + _E),
    (b"sk-ant-", "anthropic key", _W + rb"sk-ant-[A-Za-z0-9_-]{40,}"),
    (b"sk-", "openai key", _W + rb"sk-(?:proj-|svcacct-|or-v1-)?[A-Za-z0-9_-]{40,}"),
    (b"gsk_", "groq key", _W + rb"gsk_[A-Za-z0-9]{48,}"),
    (b"r8_", "replicate token", _W + rb"r8_[A-Za-z0-9]{37}" + _E),
    (b"pplx-", "perplexity key", _W + rb"pplx-[A-Za-z0-9]{40,}"),
    (b"xai-", "xai key", _W + rb"xai-[A-Za-z0-9]{70,}"),
    (b"k_live_", "stripe key", _W + rb"[sr]k_live_[A-Za-z0-9]{20,}"),
    (b"whsec_", "stripe key", _W + rb"whsec_[A-Za-z0-9+/]{32,}"),
    (b"npm_", "npm token", _W + rb"npm_[A-Za-z0-9]{36}" + _E),
    (b"pypi-", "pypi token", rb"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}"),
    (b"rubygems_", "rubygems token", _W + rb"rubygems_[0-9a-f]{48}" + _E),
    (b"dckr_", "docker token", _W + rb"dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,}"),
    (b"auth", "docker login", rb'"auth\\?"\s*:\s*\\?"[A-Za-z0-9+/]{12,}={0,2}\\?"'),
    (b"client-key-data", "kube key", rb"client-key-data:\s*[\"']?[A-Za-z0-9+/]{40,}"),
    (b"AccountKey=", "azure key", rb"AccountKey=[A-Za-z0-9+/]{86}=="),
    (b"SharedAccess", "azure key", rb"SharedAccessKey=[A-Za-z0-9+/]{43}="),
    (b"8Q~", "azure secret", rb"(?<![\w~.-])[\w~.-]{3}8Q~[\w~.-]{31,34}(?![\w~.-])"),
    (b"sig=", "azure signature", rb"[?&]sig=[A-Za-z0-9%+/]{40,}(?:=|%3[Dd])"),
    (b".eyJ", "json web token", _W + rb"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{16,}"),
    (b"SG.", "sendgrid key", _W + rb"SG\.[\w-]{20,24}\.[\w-]{39,50}"),
    (b"SK", "twilio key", _W + rb"SK[0-9a-f]{32}" + _E),
    (b":AA", "telegram token", rb"(?<!\d)\d{8,10}:AA[\w-]{33}(?![\w-])"),
    (b"_v1_", "digitalocean token", _W + rb"do[opr]_v1_[0-9a-f]{64}" + _E),
    (b"dapi", "databricks token", _W + rb"dapi[0-9a-f]{32}" + _E),
    (b"shp", "shopify token", _W + rb"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}" + _E),
    (b"sq0", "square token", _W + rb"sq0[a-z]{3}-[\w-]{22,43}"),
    (b"lin_api_", "linear key", _W + rb"lin_api_[A-Za-z0-9]{40}" + _E),
    (b"ntn_", "notion token", _W + rb"ntn_[A-Za-z0-9]{40,}"),
    (b"ATATT3", "atlassian token", _W + rb"ATATT3[A-Za-z0-9_=-]{100,}"),
    (b"hvs.", "vault token", _W + rb"hvs\.[\w-]{24,}"),
    (b"NRAK-", "new relic key", _W + rb"NRAK-[A-Z0-9]{27}" + _E),
    (b"glsa_", "grafana token", _W + rb"glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}" + _E),
    (b"sbp_", "supabase token", _W + rb"sbp_[0-9a-f]{40}" + _E),
    (b"tskey-", "tailscale key", _W + rb"tskey-[a-z]+-\w{10,}-\w{20,}"),
    (b"sntrys_", "sentry token", _W + rb"sntrys_[A-Za-z0-9+/=_-]{60,}"),
    (b"password", "netrc password", rb"\bmachine\s+\S+\s+login\s+\S+\s+password\s+\S{4,}"),
    (
        *(b"://", "password in an address"),
        rb"[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"'<>{}$*]{0,100}:"
        rb"(?!(?:pass(?:w(?:or)?d)?|pwd|secret|token|x+|pw|p|key)@)"
        rb"[^\s/:@\"'<>{}$*()]{4,200}@[A-Za-z0-9\[]",
    ),
    (
        *(b"=", "secret in a variable"),
        rb"^[ \t]*(?:export |set )?(?:[A-Z0-9]+_)*"
        rb"(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|SECRET_?KEY)="
        rb"[\"']?(?=[^\s\"']*[0-9])(?=[^\s\"']*[A-Za-z])[^\s\"'$<{/~.*(][^\s\"'$<{*(]{11,}"
        rb"[\"']?\s*$",
    ),
)

# In JSON the letter of an escape may stand before a token, and is no part of a word.
_ESCAPE = re.compile(rb"\\(?:[bfnrt]|u[0-9a-fA-F]{4})")


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
    plain = None
    for mark, kind, pattern in _KINDS:
        if mark not in data:
            continue
        found = re.search(pattern, data, re.MULTILINE)  # compiled once, when it is needed
        if found is None and b"\\" in data:
            plain = _ESCAPE.sub(b" ", data) if plain is None else plain
            found = re.search(pattern, plain, re.MULTILINE)
        if found is not None:
            return f"it holds a {kind}"
    return None
