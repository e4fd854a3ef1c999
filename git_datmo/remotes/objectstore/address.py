"""An address of an object store, as `datmo.<remote>.store` spells it."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urlsplit

from git_datmo.errors import UsageError
from git_datmo.model.frozen import frozen

SCHEMES = {"s3": "s3", "gs": "gs", "gcs": "gs", "az": "az", "azure": "az"}
SCHEMES |= {"abfs": "az", "abfss": "az"}
# What may follow the `?` of an address, by scheme. No secret is among them.
OPTIONS = {
    "s3": frozenset({"endpoint", "region", "profile", "anonymous"}),
    "gs": frozenset({"endpoint", "anonymous"}),
    "az": frozenset({"endpoint", "account", "anonymous"}),
}
WHERE_SECRETS_GO = {
    "s3": "credentials come from AWS_* variables or ~/.aws, as for every S3 program",
    "gs": "credentials come from GOOGLE_APPLICATION_CREDENTIALS or gcloud's login",
    "az": "credentials come from AZURE_* variables or az's login",
}
_BUCKET = re.compile(r"[A-Za-z0-9$][A-Za-z0-9._-]{1,221}")
# Characters that the services or their libraries write in more than one way.
_AWKWARD = re.compile(r"[\x00-\x1f\x7f\\{}^%`\[\]\"<>~#|*?]")


@frozen
class Address:
    """A bucket (of Azure: a container), a prefix in it without slashes at its ends, and where
    the service is, when that is not the usual place."""

    scheme: str
    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None
    account: str | None = None
    anonymous: bool = False

    @property
    def name(self) -> str:
        """The address, the same for every way to spell it."""
        options = {
            "account": self.account,
            "anonymous": "true" if self.anonymous else None,
            "endpoint": self.endpoint,
            "profile": self.profile,
            "region": self.region,
        }
        given = {key: value for key, value in options.items() if value is not None}
        path = f"{self.bucket}/{self.prefix}" if self.prefix else self.bucket
        query = f"?{urlencode(given, safe='/:')}" if given else ""
        return f"{self.scheme}://{path}{query}"

    def key(self, name: str) -> str:
        """The whole key of what has a name below the prefix."""
        return f"{self.prefix}/{name}" if self.prefix else name


def parse(url: str) -> Address:
    """An address from its text. Raises UsageError; what it says repeats no secret."""
    written, _, rest = url.partition("://")
    scheme = SCHEMES.get(written.lower())
    if scheme is None:
        raise UsageError(f"'{written}' is no kind of object store", hint="s3://, gs:// or az://")
    path, _, query = rest.partition("?")
    bucket, _, prefix = path.partition("/")
    bucket, account = _owner(scheme, bucket)
    shown = f"{scheme}://{bucket}"
    if not _BUCKET.fullmatch(bucket):
        raise UsageError(f"{shown} names no bucket", hint=f"write {scheme}://bucket/prefix")
    prefix = prefix.strip("/")
    parts = prefix.split("/") if prefix else []
    if _AWKWARD.search(prefix) or any(part in ("", ".", "..") for part in parts):
        raise UsageError(
            f"the prefix in {shown} has a character or part that object stores cannot keep",
            hint="use letters, digits and - _ . between single slashes",
        )
    given = _options(scheme, query, shown)
    endpoint = given.get("endpoint")
    if endpoint is not None:
        endpoint = _endpoint(endpoint, scheme, shown)
    anonymous = given.get("anonymous", "false").lower()
    if anonymous not in ("true", "false"):
        raise UsageError(f"'anonymous' of {shown} is neither true nor false")
    return Address(
        scheme,
        bucket,
        prefix,
        endpoint,
        given.get("region"),
        given.get("profile"),
        given.get("account", account),
        anonymous == "true",
    )


def _owner(scheme: str, text: str) -> tuple[str, str | None]:
    """The bucket and, of Azure's `container@account…`, the account."""
    before, at, after = text.rpartition("@")
    if not at:
        return text, None
    if scheme != "az" or ":" in before:
        raise UsageError(
            f"the address {scheme}://…@{after} holds a user or password",
            hint=f"take it out: {WHERE_SECRETS_GO[scheme]}",
        )
    return before, after.partition(".")[0]


def _options(scheme: str, query: str, shown: str) -> dict[str, str]:
    allowed = OPTIONS[scheme]
    given = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(given.keys() - allowed)
    if unknown:
        raise UsageError(
            f"the address {shown} has an option '{unknown[0]}'",
            hint=f"it may have {', '.join(sorted(allowed))}; {WHERE_SECRETS_GO[scheme]}",
        )
    empty = sorted(key for key, value in given.items() if not value)
    if empty:
        raise UsageError(f"the option '{empty[0]}' of {shown} is empty")
    return given


def _endpoint(text: str, scheme: str, shown: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        port = -1
    if port == -1 or parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"the endpoint of {shown} is no http(s) address")
    if parts.username is not None or parts.query or parts.fragment:
        raise UsageError(
            f"the endpoint of {shown} holds more than an address",
            hint=WHERE_SECRETS_GO[scheme],
        )
    return text.rstrip("/")
