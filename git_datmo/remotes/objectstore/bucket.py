"""One bucket, reached: small questions and whole objects, with refusals in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from git_datmo.errors import RemoteError
from git_datmo.remotes.objectstore.address import Address
from git_datmo.remotes.objectstore.refusals import NOT_IMPLEMENTED, code_in, refusal
from git_datmo.remotes.transfer import concurrently

if TYPE_CHECKING:
    from obstore import Bytes, ObjectMeta
    from obstore.store import AzureConfig, ClientConfig, GCSConfig, ObjectStore, RetryConfig

    from git_datmo.remotes.objectstore.amazon import Amazon

LISTED = 1000
WORKERS = 24
# A slow line may need long for one part; a line that says nothing is dead sooner.
CLIENT: ClientConfig = {"connect_timeout": "10s", "read_timeout": "180s", "timeout": "30min"}
RETRIES: RetryConfig = {
    "max_retries": 5,
    "retry_timeout": timedelta(minutes=3),
    "backoff": {
        "init_backoff": timedelta(milliseconds=200),
        "max_backoff": timedelta(seconds=5),
        "base": 2,
    },
}


class Bucket:
    """A connection to a bucket. Every method raises RemoteError; any thread may call them."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._creates = True
        try:
            import obstore  # noqa: F401

            if address.scheme == "s3":
                import botocore.session  # noqa: F401
        except ImportError as error:
            raise RemoteError(
                f"{address.name} needs a library that is not installed: {error.name}",
                hint="pip install 'git-datmo[s3]'",
            ) from error

    @cached_property
    def amazon(self) -> Amazon | None:
        """S3's own client, where the bucket is S3's."""
        from git_datmo.remotes.objectstore.amazon import connect

        return connect(self.address) if self.address.scheme == "s3" else None

    @cached_property
    def store(self) -> ObjectStore:
        """obstore's handle; its paths are below the prefix."""
        return self._handle()

    def _handle(self, *, batches: bool = True) -> ObjectStore:
        from obstore.store import AzureStore, GCSStore, S3Store

        address, amazon = self.address, self.amazon
        endpoint = str(amazon.client.meta.endpoint_url) if amazon else address.endpoint or ""
        with self.translated():
            if amazon is not None:
                return S3Store(
                    address.bucket,
                    prefix=address.prefix or None,
                    config={**amazon.config, "disable_bulk_delete": not batches},
                    client_options=_client(endpoint),
                    retry_config=RETRIES,
                    credential_provider=amazon.credentials,
                )
            if address.scheme == "gs":
                google: GCSConfig = {"skip_signature": True} if address.anonymous else {}
                if endpoint:
                    google["base_url"] = endpoint
                return GCSStore(
                    address.bucket,
                    prefix=address.prefix or None,
                    config=google,
                    client_options=_client(endpoint),
                    retry_config=RETRIES,
                )
            azure: AzureConfig = {"skip_signature": True} if address.anonymous else {}
            if address.account:
                azure["account_name"] = address.account
            if endpoint:
                azure["endpoint"] = endpoint
            return AzureStore(
                address.bucket,
                prefix=address.prefix or None,
                config=azure,
                client_options=_client(endpoint),
                retry_config=RETRIES,
            )

    @cached_property
    def failures(self) -> tuple[type[Exception], ...]:
        """What the libraries raise when the service refuses or cannot be reached."""
        from obstore.exceptions import BaseError

        if self.address.scheme != "s3":
            return (BaseError, FileNotFoundError, ValueError)
        from botocore.exceptions import BotoCoreError, ClientError

        return (BaseError, FileNotFoundError, ValueError, BotoCoreError, ClientError)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn the libraries' errors into RemoteError."""
        try:
            yield
        except self.failures as error:
            raise refusal(error, self.address.name) from error

    def head(self, name: str) -> ObjectMeta | None:
        """What is known of an object, or None when there is none."""
        import obstore

        try:
            return obstore.head(self.store, name)
        except FileNotFoundError:
            return None
        except self.failures as error:
            refused = error
        # The answer to HEAD has no body: the reason is in that to GET.
        with self.translated():
            try:
                obstore.get(self.store, name, options={"range": (0, 1)})
            except FileNotFoundError as gone:
                if code_in(gone) == "NoSuchBucket":
                    raise
                return None
        raise refusal(refused, self.address.name) from refused

    def objects(self, folder: str | None = None) -> Iterator[Sequence[ObjectMeta]]:
        """The objects below a folder of the prefix, a page at a time."""
        import obstore

        with self.translated():
            yield from obstore.list(self.store, folder, chunk_size=LISTED)

    def create(self, name: str, data: bytes) -> bool:
        """Put an object whole unless one is there already; whether this one was put."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with self.translated():
            if self._creates:
                try:
                    obstore.put(self.store, name, data, mode="create", use_multipart=False)
                    return True
                except (AlreadyExistsError, PreconditionError):
                    return False
                except self.failures as error:
                    if code_in(error) not in NOT_IMPLEMENTED:
                        raise
                    self._creates = False
            if self.head(name) is not None:
                return False
            self.overwrite(name, data)
            return True

    def overwrite(self, name: str, data: bytes) -> None:
        """Put an object whole, whatever is there."""
        import obstore

        with self.translated():
            obstore.put(self.store, name, data, mode="overwrite", use_multipart=False)

    def read(self, name: str, start: int, end: int) -> Bytes:
        """Some bytes of an object."""
        import obstore

        with self.translated():
            return obstore.get_range(self.store, name, start=start, end=end)

    def begin(self, name: str, offset: int) -> tuple[int, Any] | None:
        """The size of an object and an answer that holds what follows `offset`; None when
        there is no such object."""
        import obstore

        with self.translated():
            try:
                answer = obstore.get(
                    self.store, name, options={"range": {"offset": offset}} if offset else None
                )
            except FileNotFoundError as error:
                if code_in(error) in ("NoSuchBucket", "ContainerNotFound"):
                    raise
                return None
            return answer.meta["size"], answer

    def delete(self, names: Sequence[str]) -> None:
        """Take objects away, those that are gone included."""
        import obstore

        with self.translated():
            for start in range(0, len(names), LISTED):
                some = list(names[start : start + LISTED])
                try:
                    obstore.delete(self.store, some)
                except FileNotFoundError as error:
                    if code_in(error) == "NoSuchBucket":
                        raise
                    self._delete_each(some)
                except self.failures as error:
                    if code_in(error) not in NOT_IMPLEMENTED | {"NoSuchKey"}:
                        raise
                    self._delete_each(some)

    def _delete_each(self, names: Sequence[str]) -> None:
        """One by one: for services without a batch, and those that stop at one that is gone."""
        import obstore

        handle = self._handle(batches=False)

        def delete(name: str) -> None:
            with suppress(FileNotFoundError):
                obstore.delete(handle, name)

        concurrently(delete, names, WORKERS)

    def age(self, found: ObjectMeta) -> float:
        """Seconds since an object was put."""
        return (datetime.now(UTC) - found["last_modified"]).total_seconds()


def _client(endpoint: str) -> ClientConfig:
    return {**CLIENT, "allow_http": True} if endpoint.startswith("http:") else CLIENT
