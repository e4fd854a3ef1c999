"""Uploads of large files to S3, in parts that stay when the line is cut.

The service keeps the parts of an upload that was not completed; the next try finds it by the
object's name, which says what all its bytes must be, and sends only the parts that lack.
"""

from __future__ import annotations

import os
import time
from typing import Any

from git_datmo.errors import FileChanging
from git_datmo.remotes.base import Advance
from git_datmo.remotes.objectstore.amazon import Amazon
from git_datmo.remotes.objectstore.bucket import Bucket
from git_datmo.remotes.objectstore.layout import part_size, parts_at_once
from git_datmo.remotes.objectstore.names import read_name
from git_datmo.remotes.objectstore.refusals import NOT_IMPLEMENTED, code_in
from git_datmo.remotes.transfer import concurrently

# Uploads that nobody went on with for so long, in seconds, are given up.
ABANDONED = 7 * 86_400


class Multipart:
    """Uploads in parts to one bucket of S3's."""

    def __init__(self, bucket: Bucket, amazon: Amazon) -> None:
        self._bucket, self._client = bucket, amazon.client

    def put(self, name: str, fd: int, size: int, advance: Advance) -> None:
        """Bring a file's bytes under a name, unless they are there when all parts are.

        Raises FileChanging when the file ends before `size`.
        """
        for _ in range(3):
            with self._bucket.translated():
                if self._try(name, fd, size, advance):
                    return
            there = self._bucket.head(name)
            if there is not None and there["size"] == size:
                return
        with self._bucket.translated():
            self._try(name, fd, size, advance)

    def _try(self, name: str, fd: int, size: int, advance: Advance) -> bool:
        """False when somebody else ended the upload, by completing it or by giving it up."""
        key = self._target(name)
        step = part_size(size)
        lengths = {
            number: min(step, size - start)
            for number, start in enumerate(range(0, size, step), start=1)
        }
        upload, tags = self._resume(key, lengths)

        def send(number: int) -> None:
            data = os.pread(fd, lengths[number], (number - 1) * step)
            if len(data) != lengths[number]:
                raise FileChanging(f"content {name} became shorter while it was sent")
            answer = self._client.upload_part(**key, UploadId=upload, PartNumber=number, Body=data)
            tags[number] = answer["ETag"]
            advance(len(data))

        try:
            concurrently(send, [n for n in lengths if n not in tags], parts_at_once(step))
            self._complete(key, upload, tags)
        except FileChanging:
            self._abort(key, upload)
            raise
        except self._bucket.failures as error:
            if code_in(error) == "NoSuchUpload":
                return False
            if code_in(error) in ("PreconditionFailed", "ConditionalRequestConflict"):
                self._abort(key, upload)
                return False
            raise
        for other in self._uploads(key):
            self._abort(key, other)
        return True

    def _target(self, name: str) -> dict[str, str]:
        address = self._bucket.address
        return {"Bucket": address.bucket, "Key": address.key(name)}

    def _resume(self, key: dict[str, str], lengths: dict[int, int]) -> tuple[str, dict[int, str]]:
        """An upload of this object and the tags of the parts it has; a new one if there is none."""
        for upload in self._uploads(key):
            try:
                pages = self._client.get_paginator("list_parts").paginate(**key, UploadId=upload)
                parts = [part for page in pages for part in page.get("Parts", ())]
            except self._bucket.failures as error:
                if code_in(error) != "NoSuchUpload":
                    raise
                continue
            return upload, {
                part["PartNumber"]: part["ETag"]
                for part in parts
                if lengths.get(part["PartNumber"]) == part["Size"]
            }
        return str(self._client.create_multipart_upload(**key)["UploadId"]), {}

    def _uploads(self, key: dict[str, str]) -> list[str]:
        """The uploads of one object that were begun and not ended, the newest first."""
        try:
            found = self._client.list_multipart_uploads(Bucket=key["Bucket"], Prefix=key["Key"])
        except self._bucket.failures as error:
            # Without the right to look, or where that is not known, every try is a new upload.
            if code_in(error) in NOT_IMPLEMENTED or code_in(error) == "AccessDenied":
                return []
            raise
        ours = [upload for upload in found.get("Uploads", ()) if upload["Key"] == key["Key"]]
        ours.sort(key=lambda upload: upload["Initiated"], reverse=True)
        return [str(upload["UploadId"]) for upload in ours]

    def _complete(self, key: dict[str, str], upload: str, tags: dict[int, str]) -> None:
        parts = [{"PartNumber": number, "ETag": tags[number]} for number in sorted(tags)]
        whole: dict[str, Any] = {**key, "UploadId": upload, "MultipartUpload": {"Parts": parts}}
        try:
            self._client.complete_multipart_upload(**whole, IfNoneMatch="*")
        except self._bucket.failures as error:
            if code_in(error) not in NOT_IMPLEMENTED:
                raise
            self._client.complete_multipart_upload(**whole)

    def _abort(self, key: dict[str, str], upload: str) -> None:
        try:
            self._client.abort_multipart_upload(**key, UploadId=upload)
        except self._bucket.failures as error:
            if code_in(error) != "NoSuchUpload":
                raise

    def sweep(self) -> None:
        """Give up uploads of content that nobody went on with for a week."""
        address = self._bucket.address
        prefix = address.key("")
        pages = self._client.get_paginator("list_multipart_uploads")
        with self._bucket.translated():
            for page in pages.paginate(Bucket=address.bucket, Prefix=prefix):
                for upload in page.get("Uploads", ()):
                    old = upload["Initiated"].timestamp() < time.time() - ABANDONED
                    if old and read_name(upload["Key"].removeprefix(prefix)):
                        key = {"Bucket": address.bucket, "Key": upload["Key"]}
                        self._abort(key, upload["UploadId"])
