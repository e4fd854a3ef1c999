"""What object stores and their libraries say when they refuse, in plain words."""

from __future__ import annotations

import re

from git_datmo.errors import RemoteError

_KEYS = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or choose a profile of ~/.aws with "
    "AWS_PROFILE or ?profile="
)
_LOGIN = "log in again (aws sso login, or new temporary keys), then try again"
_REGION = "set AWS_REGION, or add ?region= to the address"
_AGAIN = "try again: what arrived is kept"

# By the service's own code: what happened (after the address), what to do.
_CODES: dict[str, tuple[str, str]] = {
    "InvalidAccessKeyId": ("does not know this access key", _KEYS),
    "SignatureDoesNotMatch": ("says that the secret key does not fit the access key", _KEYS),
    "ExpiredToken": ("says that the session has expired", _LOGIN),
    "TokenRefreshRequired": ("says that the session has expired", _LOGIN),
    "InvalidToken": ("does not take this session token", _LOGIN),
    "NoSuchBucket": ("is a bucket that does not exist", "make it, or correct its name"),
    "ContainerNotFound": ("is a container that does not exist", "make it, or correct its name"),
    "InvalidBucketName": ("is no name of a bucket", "correct it"),
    "AccessDenied": (
        "does not allow that to these credentials",
        "reading needs the right to list the bucket and to get objects, pushing to put them",
    ),
    "RequestTimeTooSkewed": ("says that this machine's clock is wrong", "set the clock"),
    "PermanentRedirect": ("lies in another region", _REGION),
    "AuthorizationHeaderMalformed": ("lies in another region", _REGION),
    "QuotaExceeded": ("is full", "make room there, then try again: what arrived is kept"),
    "SlowDown": ("is asked too much", _AGAIN),
}
_ALIASES = {
    "AllAccessDisabled": "AccessDenied",
    "AccountProblem": "AccessDenied",
    "AuthorizationFailure": "AccessDenied",
    "AuthorizationPermissionMismatch": "AccessDenied",
    "AuthenticationFailed": "SignatureDoesNotMatch",
    "Forbidden": "AccessDenied",
    "403": "AccessDenied",
    "401": "AccessDenied",
    "301": "PermanentRedirect",
    "IllegalLocationConstraintException": "PermanentRedirect",
    "InvalidTokenId": "InvalidAccessKeyId",
    "XMinioStorageFull": "QuotaExceeded",
    "InsufficientStorage": "QuotaExceeded",
    "EntityTooLarge": "QuotaExceeded",
    "507": "QuotaExceeded",
    "ServiceUnavailable": "SlowDown",
    "503": "SlowDown",
    "429": "SlowDown",
}
# What the libraries say of the way there, by a piece of their words.
_WAY: tuple[tuple[str, str, str], ...] = (
    ("169.254.169.254", "cannot be used: no credentials were found", _KEYS),
    ("ConnectionRefused", "cannot be reached: the connection was refused", "is the server up?"),
    ("Connection refused", "cannot be reached: the connection was refused", "is the server up?"),
    ("dns error", "cannot be reached: its host has no address", "check the endpoint and network"),
    ("Could not connect", "cannot be reached", "check the endpoint and network"),
    ("certificate", "cannot be trusted: its certificate does not hold", "check the endpoint"),
    ("InvalidContentType", "does not speak TLS", "write http:// if that is what is meant"),
    ("TimedOut", "does not answer in time", _AGAIN),
    ("timed out", "does not answer in time", _AGAIN),
    ("tcp connect error", "cannot be reached", "check the endpoint and network"),
    ("IncompleteMessage", "ended the connection", _AGAIN),
    ("onnection reset", "ended the connection", _AGAIN),
    ("connection closed", "ended the connection", _AGAIN),
    ("BrokenPipe", "ended the connection", _AGAIN),
    ("without LOCATION", *_CODES["PermanentRedirect"]),
)
NOT_IMPLEMENTED = frozenset({"NotImplemented", "501", "405", "MethodNotAllowed"})


def code_in(error: BaseException) -> str:
    """The service's own word for what it refused, or the HTTP status; "" where there is none."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return str(response.get("Error", {}).get("Code", ""))
    said = str(error)
    for pattern in (r"<Code>(\w+)</Code>", r"\(code: (\w+)\)", r"status code: (\d{3})"):
        if match := re.search(pattern, said):
            return match[1]
    return ""


def is_forbidden(error: RemoteError) -> bool:
    """Whether what was refused was refused for want of a right."""
    code = code_in(error.__cause__) if error.__cause__ is not None else ""
    return _ALIASES.get(code, code) == "AccessDenied"


def refusal(error: BaseException, where: str) -> RemoteError:
    """What to tell the user of an error that a library raised on the way to `where`."""
    code = code_in(error)
    known = _CODES.get(_ALIASES.get(code, code))
    said = str(error)
    if known is None:
        known = next(((what, hint) for piece, what, hint in _WAY if piece in said), None)
    if known is not None:
        what, hint = known
        return RemoteError(f"{where} {what}{_detail(said)}", hint=hint)
    first = said.partition("\n")[0].strip()
    return RemoteError(f"{where}: {first[:300]}", hint=_AGAIN)


def _detail(said: str) -> str:
    """The region that a service expects, where it says so."""
    match = re.search(r"expecting '([\w-]+)'|<Region>([\w-]+)</Region>", said)
    return f" ({match[1] or match[2]})" if match else ""
