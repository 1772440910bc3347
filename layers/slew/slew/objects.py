"""Objects in the bucket.

| key | what |
|---|---|
| `uploads/<facility>/<principal>/<id>` | a payload put there for a request to come; gone after a day |
| `payloads/<facility>/<request>/<sha256>` | payloads too large for the table |
| `products/<facility>/<request>/<name>` | what came of a request |
| `grids/...` | field grids, put there by the deployment |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from slew import aws, config
from slew.errors import TooLarge

LINK_S = 900
_MIB = 1024 * 1024


def client() -> Any:
    """The low-level client."""
    return aws.client("s3")


def put(key: str, content: bytes, content_type: str) -> None:
    """Keep an object."""
    client().put_object(Bucket=config.bucket(), Key=key, Body=content, ContentType=content_type)


def get(key: str, limit: int) -> bytes | None:
    """An object's content; None where there is none. Raises TooLarge over `limit` bytes."""
    try:
        answer = client().get_object(Bucket=config.bucket(), Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404", "AccessDenied"):
            return None  # without the right to list, S3 says of an absent key that access is denied
        raise
    if answer["ContentLength"] > limit:
        raise TooLarge(f"it is over {limit // _MIB} MiB")
    content: bytes = answer["Body"].read()
    return content


def begin(key: str, content_type: str) -> str:
    """Begin an object that comes in parts; returns the upload's id."""
    answer = client().create_multipart_upload(Bucket=config.bucket(), Key=key, ContentType=content_type)
    return str(answer["UploadId"])


def add_part(key: str, upload_id: str, number: int, part: bytes) -> str:
    """Add a part, numbers from 1; returns its ETag."""
    answer = client().upload_part(
        Bucket=config.bucket(), Key=key, UploadId=upload_id, PartNumber=number, Body=part
    )
    return str(answer["ETag"])


def complete(key: str, upload_id: str, etags: Sequence[str]) -> None:
    """Make an object of its parts."""
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
    client().complete_multipart_upload(
        Bucket=config.bucket(), Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}
    )


def abort(key: str, upload_id: str) -> None:
    """Discard the parts of an object that will not be; one that is gone already is fine."""
    try:
        client().abort_multipart_upload(Bucket=config.bucket(), Key=key, UploadId=upload_id)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchUpload":
            raise


def pieces(key: str) -> Iterator[bytes]:
    """An object's content, a MiB at a time."""
    yield from client().get_object(Bucket=config.bucket(), Key=key)["Body"].iter_chunks(_MIB)


def link(key: str, filename: str | None = None) -> str:
    """A pre-signed URL to read an object, good for 15 minutes."""
    wanted = {"Bucket": config.bucket(), "Key": key}
    if filename:
        wanted["ResponseContentDisposition"] = f'attachment; filename="{filename}"'
    url: str = _signer().generate_presigned_url("get_object", Params=wanted, ExpiresIn=LINK_S)
    return url


def upload_link(key: str, content_type: str) -> str:
    """A pre-signed URL to PUT an object of that type, good for 15 minutes."""
    wanted = {"Bucket": config.bucket(), "Key": key, "ContentType": content_type}
    url: str = _signer().generate_presigned_url("put_object", Params=wanted, ExpiresIn=LINK_S)
    return url


@cache
def _signer() -> Any:
    return aws.new_client("s3", Config(signature_version="s3v4"))
