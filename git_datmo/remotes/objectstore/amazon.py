"""S3's side of a bucket: the AWS programs' own settings, and uploads that can be gone on with.

botocore finds credentials, region and endpoint where every S3 program does: variables,
~/.aws, SSO, assumed roles, the machine's own role. None of it is kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from git_datmo.errors import RemoteError
from git_datmo.model.frozen import frozen
from git_datmo.remotes.objectstore.address import Address

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Credential

# Keys that expire are asked for again after so long; botocore renews them before they do.
RENEWAL = timedelta(minutes=5)
DEFAULT_REGION = "us-east-1"
CONNECTIONS = 10


@frozen
class Amazon:
    """`client` is botocore's; `config` and `credentials` are what obstore wants."""

    client: Any
    config: S3Config
    credentials: Callable[[], S3Credential] | None


def connect(address: Address) -> Amazon:
    """Find out how to reach a bucket; asks the network only where credentials come from there.

    Raises RemoteError when there are no credentials, or the profile is not there.
    """
    import botocore.session
    from botocore import UNSIGNED
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    try:
        session = botocore.session.Session(profile=address.profile)
        signing = {} if not address.anonymous else {"signature_version": UNSIGNED}
        config = Config(
            connect_timeout=10,
            read_timeout=120,
            retries={"mode": "standard", "max_attempts": 5},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            max_pool_connections=CONNECTIONS,
            s3={"payload_signing_enabled": True, "addressing_style": _style(session)},
            **signing,
        )
        client = session.create_client(
            "s3",
            region_name=address.region or _region(session),
            endpoint_url=address.endpoint,
            config=config,
        )
        found = None if address.anonymous else session.get_credentials()
    except (BotoCoreError, ValueError) as error:
        raise RemoteError(
            f"{address.name}: {error}", hint="check AWS_PROFILE and the files in ~/.aws"
        ) from error
    if found is None and not address.anonymous:
        raise RemoteError(
            f"there are no credentials for {address.name}",
            hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run "
            "'aws configure'; for a public bucket add ?anonymous=true",
        )
    return Amazon(client, _config(address, client), _provider(found) if found else None)


def _region(session: Any) -> str:
    """AWS_REGION is what other SDKs read; botocore knows AWS_DEFAULT_REGION and the profile."""
    found = os.environ.get("AWS_REGION") or session.get_config_variable("region")
    return str(found or DEFAULT_REGION)


def _style(session: Any) -> str:
    """`virtual` where the profile asks for it, else `path`, which every service understands."""
    asked = (session.get_scoped_config() or {}).get("s3")
    virtual = isinstance(asked, dict) and asked.get("addressing_style") == "virtual"
    return "virtual" if virtual else "path"


def _config(address: Address, client: Any) -> S3Config:
    endpoint = str(client.meta.endpoint_url)
    parts = urlsplit(endpoint)
    virtual = client.meta.config.s3.get("addressing_style") == "virtual"
    if virtual:
        endpoint = parts._replace(netloc=f"{address.bucket}.{parts.netloc}").geturl()
    config: S3Config = {
        "region": str(client.meta.region_name),
        "virtual_hosted_style_request": virtual,
        "skip_signature": address.anonymous,
    }
    if virtual or not (parts.hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn")):
        # The second is what AWS_ENDPOINT_URL_S3 would set, above the address.
        config["endpoint"] = config["aws_endpoint_url_s3"] = endpoint
    return config


def _provider(found: Any) -> Callable[[], S3Credential]:
    def credentials() -> S3Credential:
        keys = found.get_frozen_credentials()
        lasting = getattr(found, "refresh_needed", None) is None
        return {
            "access_key_id": keys.access_key,
            "secret_access_key": keys.secret_key,
            "token": keys.token,
            "expires_at": None if lasting else datetime.now(UTC) + RENEWAL,
        }

    return credentials
