"""What can be written into `datmo.<remote>.store`, and what must not be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.errors import UsageError
from git_datmo.remotes.objectstore.address import Address, parse
from git_datmo.remotes.objectstore.place import ObjectStore


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("s3://bucket", Address("s3", "bucket")),
        ("s3://bucket/", Address("s3", "bucket")),
        ("S3://bucket/a/b/", Address("s3", "bucket", "a/b")),
        ("s3://my.bucket-1/a b/ü", Address("s3", "my.bucket-1", "a b/ü")),
        ("gs://bucket/x", Address("gs", "bucket", "x")),
        ("gcs://bucket/x", Address("gs", "bucket", "x")),
        ("az://container/x", Address("az", "container", "x")),
        ("azure://container/x", Address("az", "container", "x")),
        ("az://container@lab/x", Address("az", "container", "x", account="lab")),
        (
            "abfss://container@lab.dfs.core.windows.net/x",
            Address("az", "container", "x", account="lab"),
        ),
        ("az://container?account=lab", Address("az", "container", account="lab")),
        (
            "s3://bucket/x?endpoint=https://minio.lab:9000/&region=eu-west-1&profile=lab",
            Address("s3", "bucket", "x", "https://minio.lab:9000", "eu-west-1", "lab"),
        ),
        (
            "s3://bucket?endpoint=https%3A%2F%2Fminio.lab",
            Address("s3", "bucket", endpoint="https://minio.lab"),
        ),
        ("s3://bucket?anonymous=true", Address("s3", "bucket", anonymous=True)),
    ],
)
def test_addresses(url: str, address: Address) -> None:
    assert parse(url) == address
    assert parse(address.name) == address
    assert ObjectStore(url).name == address.name


def test_one_place_has_one_name() -> None:
    names = {
        ObjectStore(url).name
        for url in (
            "s3://bucket/x?region=a&endpoint=https://h",
            "S3://bucket/x/?endpoint=https://h/&region=a",
        )
    }
    assert names == {"s3://bucket/x?endpoint=https://h&region=a"}


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIAKEY:hidden@bucket/x",
        "s3://hidden@bucket/x",
        "gs://user:hidden@bucket",
        "az://user:hidden@account/x",
        "s3://bucket?secret_access_key=hidden",
        "s3://bucket?access_key_id=hidden&region=x",
        "az://container?sv=2024&sig=hidden",
        "s3://bucket?endpoint=https://user:hidden@host",
        "s3://bucket?endpoint=https://host/?token=hidden",
        "gs://bucket?region=hidden",
    ],
)
def test_secrets_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        ObjectStore(url)
    assert "hidden" not in caught.value.message + str(caught.value.hint)


@pytest.mark.parametrize(
    "url",
    [
        "s3://",
        "s3:///prefix",
        "s3://a",
        "s3://bucket/a//x",
        "s3://bucket/a/../b",
        "s3://bucket/./b",
        "s3://bucket/a\nb",
        "s3://bucket/a%2fb",
        "s3://bucket/~me",
        "s3://buc ket/x",
        "s3://bucket?endpoint=ftp://host",
        "s3://bucket?endpoint=host:9000",
        "s3://bucket?endpoint=http://host:port",
        "s3://bucket?endpoint=",
        "s3://bucket?region=",
        "s3://bucket?anonymous=perhaps",
        "https://bucket/x",
    ],
)
def test_what_names_no_place(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        ObjectStore(url)
    assert caught.value.message


@given(st.text(max_size=60), st.sampled_from(["s3", "gs", "az"]))
def test_any_text_is_an_address_that_reads_back_or_an_error(text: str, scheme: str) -> None:
    try:
        address = parse(f"{scheme}://{text}")
    except UsageError:
        return
    assert parse(address.name) == address
    assert ".." not in address.prefix.split("/")
