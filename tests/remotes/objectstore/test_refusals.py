"""A service that refuses: one sentence that says why, and what to do."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from git_datmo.errors import DamagedContent, RemoteError
from git_datmo.model.pointer import Pointer
from git_datmo.remotes.objectstore.layout import MIB
from git_datmo.remotes.objectstore.names import name_of
from git_datmo.remotes.objectstore.place import ObjectStore
from git_datmo.storage.store import Store
from tests.contracts.places.ground import fill, nothing, some
from tests.kit.bucketserver import BUCKET, BucketServer, Refusal
from tests.kit.seaweed import Shelf

SMALL, LARGE = 1000, 9 * MIB


@pytest.fixture
def answering(bucket_server: BucketServer) -> ObjectStore:
    """A place whose server refuses what it is told to."""
    return ObjectStore(f"s3://{BUCKET}/x?endpoint={bucket_server.endpoint}")


def refused(work: Callable[[], Any]) -> RemoteError:
    """The error of a piece of work, which must be fit to be shown."""
    with pytest.raises(RemoteError) as caught:
        work()
    assert "\n" not in caught.value.message
    assert "Debug source" not in caught.value.message
    assert caught.value.hint
    return caught.value


ASKED: dict[str, Callable[[ObjectStore, Store, Store, Pointer, Pointer], Any]] = {
    "present": lambda place, here, elsewhere, small, large: place.present([small]),
    "put": lambda place, here, elsewhere, small, large: place.put(here, [small], nothing),
    "put large": lambda place, here, elsewhere, small, large: place.put(here, [large], nothing),
    "get": lambda place, here, elsewhere, small, large: place.get(elsewhere, [small], nothing),
    "get large": lambda place, h, elsewhere, small, large: place.get(elsewhere, [large], nothing),
    "listing": lambda place, here, elsewhere, small, large: list(place.listing()),
}


@pytest.fixture(params=ASKED)
def ask(request: pytest.FixtureRequest, here: Store, elsewhere: Store) -> Any:
    """Every question, asked of a place."""
    small, large = fill(here, some(1, SMALL), some(2, LARGE))
    return lambda place: ASKED[request.param](place, here, elsewhere, small, large)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("AWS_ACCESS_KEY_ID", "AKIANOBODY", "does not know this access key"),
        ("AWS_SECRET_ACCESS_KEY", "wrong", "secret key does not fit"),
    ],
)
def test_wrong_keys(
    shelf: Shelf, ask: Any, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    place = ObjectStore(shelf.url)
    error = refused(lambda: ask(place))
    assert words in error.message
    assert "AWS_PROFILE" in str(error.hint)
    assert not place.check().reached
    place.close()


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_no_bucket(shelf: Shelf, here: Store, size: int) -> None:
    [pointer] = fill(here, some(1, size))
    place = ObjectStore(shelf.url.replace("content/", "nowhere/"))
    error = refused(lambda: place.put(here, [pointer], nothing))
    assert "s3://nowhere/" in error.message
    assert "does not exist" in error.message
    place.close()


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (Refusal(403, "RequestTimeTooSkewed"), "clock is wrong"),
        (Refusal(400, "ExpiredToken"), "session has expired"),
        (Refusal(403, "AccessDenied"), "does not allow that"),
        (Refusal(404, "NoSuchBucket"), "does not exist"),
        (
            Refusal(400, "AuthorizationHeaderMalformed", "wrong; expecting 'eu-west-1'"),
            "lies in another region (eu-west-1)",
        ),
    ],
)
def test_refusals(
    bucket_server: BucketServer, answering: ObjectStore, ask: Any, refusal: Refusal, words: str
) -> None:
    bucket_server.refusal = refusal
    if refusal.status == 404:
        # A HEAD that finds no bucket cannot be told from one that finds no object.
        with suppress(RemoteError):
            ask(answering)
        found = answering.check()
        assert words in found.remarks[0]
        return
    assert words in refused(lambda: ask(answering)).message


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_full_service(
    bucket_server: BucketServer, answering: ObjectStore, here: Store, size: int
) -> None:
    pointers = fill(here, some(1, size))
    answering.present(pointers)
    bucket_server.refusal = Refusal(409, "QuotaExceeded")
    bucket_server.skip = 3 if size == LARGE else 0
    error = refused(lambda: answering.put(here, pointers, nothing))
    assert "is full" in error.message
    bucket_server.refusal = None
    answering.put(here, pointers, nothing)
    assert answering.present(pointers) == set(pointers)


def test_a_service_that_is_busy_for_a_moment_is_asked_again(
    bucket_server: BucketServer, answering: ObjectStore, here: Store, elsewhere: Store
) -> None:
    pointers = fill(here, some(1, SMALL), some(2, LARGE))
    answering.present(pointers)

    def busy() -> None:
        for _ in range(3):
            time.sleep(0.1)
            bucket_server.refusal = Refusal(503, "SlowDown")
            time.sleep(0.2)
            bucket_server.refusal = None

    for work in (
        lambda: answering.put(here, pointers, nothing),
        lambda: answering.get(elsewhere, pointers, nothing),
    ):
        thread = threading.Thread(target=busy)
        bucket_server.refusal = Refusal(503, "SlowDown")
        thread.start()
        work()
        thread.join()
    assert elsewhere.missing(pointers) == []


def test_a_port_where_nobody_listens(writer: None, ask: Any) -> None:
    place = ObjectStore(f"s3://{BUCKET}?endpoint=http://127.0.0.1:9")
    assert "refused" in refused(lambda: ask(place)).message


def test_a_host_without_an_address(writer: None, here: Store) -> None:
    place = ObjectStore(f"s3://{BUCKET}?endpoint=https://nowhere.invalid")
    assert "no address" in refused(lambda: list(place.listing())).message


def test_https_where_the_server_speaks_http(
    bucket_server: BucketServer, answering: ObjectStore
) -> None:
    url = f"s3://{BUCKET}?endpoint={bucket_server.endpoint.replace('http:', 'https:')}"
    error = refused(lambda: list(ObjectStore(url).listing()))
    assert "TLS" in error.message
    assert "http://" in str(error.hint)


def test_a_server_that_ends_every_connection(writer: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def end() -> None:
            with suppress(OSError):
                while True:
                    listener.accept()[0].close()

        threading.Thread(target=end, daemon=True).start()
        port = listener.getsockname()[1]
        place = ObjectStore(f"s3://{BUCKET}?endpoint=http://127.0.0.1:{port}")
        said = refused(lambda: list(place.listing())).message
        # Which of the two hangs on how far the request had come.
        assert "connection" in said or "error sending request" in said
        listener.shutdown(socket.SHUT_RDWR)


def test_a_service_without_conditions_or_batches(
    bucket_server: BucketServer, answering: ObjectStore, here: Store, elsewhere: Store
) -> None:
    bucket_server.conditions = bucket_server.batches = False
    pointers = fill(here, some(1, SMALL), some(2, LARGE), some(3, SMALL))
    answering.put(here, pointers, nothing)
    assert answering.present(pointers) == set(pointers)
    assert answering.get(elsewhere, pointers, nothing) == {}
    bucket_server.asked.clear()
    answering.put(here, pointers, nothing)
    assert [asked for asked in bucket_server.asked if asked.startswith(("PUT", "POST"))] == []
    assert answering.remove(list(answering.listing())) == 2 * SMALL + LARGE
    assert bucket_server.objects == {}


def test_a_listing_of_many_pages(bucket_server: BucketServer, answering: ObjectStore) -> None:
    names = [f"{n % 256:02x}/{n:030x}-{'0' * 64}" for n in range(1050)]
    for name in names:
        bucket_server.objects[f"x/{name}"] = (b"1", time.time() - 86_400 * 20)
    held = list(answering.listing())
    assert {found.name for found in held} == set(names)
    assert all(86_400 * 19 < found.age < 86_400 * 21 for found in held)
    assert answering.remove(held) == 1050
    assert bucket_server.objects == {}


def test_an_object_that_says_another_size_than_it_has(
    bucket_server: BucketServer, answering: ObjectStore, here: Store, elsewhere: Store
) -> None:
    [pointer] = fill(here, some(1, LARGE))
    bucket_server.objects[f"x/{name_of(pointer)}"] = (some(2, LARGE + 5), time.time())
    failed = answering.get(elsewhere, [pointer], nothing)
    assert isinstance(failed[pointer], DamagedContent)
    gets = [asked for asked in bucket_server.asked if asked.startswith("GET")]
    assert gets == []


@pytest.mark.parametrize(
    ("url", "variables"),
    [
        ("gs://bucket/x", {}),
        ("az://container/x?account=lab", {}),
        ("az://container/x", {"AZURE_STORAGE_ACCOUNT_NAME": "lab"}),
        ("az://container@lab/x", {"AZURE_STORAGE_ACCOUNT_KEY": "bm90aGluZw=="}),
    ],
)
def test_the_other_services_make_a_handle_without_asking(
    no_clouds: None, monkeypatch: pytest.MonkeyPatch, url: str, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    place = ObjectStore(url)
    assert getattr(place._bucket.store, "prefix", None) == "x"
    place.close()


def test_azure_without_an_account(no_clouds: None) -> None:
    place = ObjectStore("az://container/x")
    assert "ccount" in refused(lambda: list(place.listing())).message
