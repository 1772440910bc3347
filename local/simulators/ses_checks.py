"""What Amazon SES v2 refuses in a SendEmail request, and the message it reads (card notifications.md)."""

from __future__ import annotations

import base64
import binascii
import email
import email.policy
import re
from dataclasses import dataclass, field
from typing import Any

from werkzeug import Request

from local.simulators.base import JSON

MAX_RECIPIENTS = 50
MAX_MESSAGE_BYTES = 40 * 1024 * 1024
MAX_HEADERS = 15
MAX_HEADER_NAME = 126
MAX_HEADER_VALUE = 995
MAX_HEADER_LINE = 996
MAX_FILE_NAME = 255
MAX_CONTENT_TYPE = 78
MAX_TAG = 256
CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]")
ENCODINGS = ("BASE64", "QUOTED_PRINTABLE", "SEVEN_BIT")


class SesError(Exception):
    """An answer of SES that is not 200: HTTP status, exception name, text."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(f"{status} {name}: {message}")
        self.status, self.name, self.message = status, name, message


def bad_request(message: str) -> SesError:
    """`BadRequestException`."""
    return SesError(400, "BadRequestException", message)


def check_signature(request: Request) -> str:
    """The region of a request signed for SES; `SesError` 403 without a signature or with one for something
    else.

    The signature itself is not recomputed: the gate does not know the caller's secret key.
    """
    header = request.headers.get("Authorization", "")
    if not header:
        raise SesError(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    pattern = (
        r"AWS4-HMAC-SHA256 Credential=[^/,\s]+/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request, ?"
        r"SignedHeaders=([^,\s]+), ?Signature=[0-9a-f]{64}"
    )
    match = re.fullmatch(pattern, header)
    if match is None:
        text = "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature'."
        raise SesError(403, "IncompleteSignatureException", text)
    day, region, service, signed = match.groups()
    if service != "ses":
        raise SesError(403, "SignatureDoesNotMatch", "Credential should be scoped to correct service: 'ses'.")
    stamp = request.headers.get("X-Amz-Date", "")
    if not {"host", "x-amz-date"} <= set(signed.split(";")) or not stamp.startswith(day):
        text = "The signed headers must be host and x-amz-date at least, and the dates must agree."
        raise SesError(403, "SignatureDoesNotMatch", text)
    return region


@dataclass
class Message:
    """One accepted message, decoded."""

    sender: str
    to: list[str]
    cc: list[str]
    bcc: list[str]
    reply_to: list[str]
    subject: str = ""
    text: str | None = None
    html: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    attachments: list[JSON] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    configuration_set: str | None = None

    @property
    def recipients(self) -> list[str]:
        """To, Cc and Bcc together."""
        return [*self.to, *self.cc, *self.bcc]


def read_message(body: JSON, *, strict: bool) -> Message:
    """The message of a SendEmail body; `SesError` for what SES (in strict mode: also what we) would not
    take.
    """
    destination = _object(body.get("Destination") or {}, "Destination")
    lists = {key: _addresses(destination, f"{key}Addresses") for key in ("To", "Cc", "Bcc")}
    count = sum(map(len, lists.values()))
    if count == 0:
        raise bad_request("Destination must have at least one recipient.")
    if count > MAX_RECIPIENTS:
        raise bad_request(f"Recipient count exceeds {MAX_RECIPIENTS}.")
    sender = body.get("FromEmailAddress")
    if not isinstance(sender, str) or not sender:
        raise bad_request("FromEmailAddress is missing.")
    check_address(bare_address(sender))
    reply_to = _addresses(body, "ReplyToAddresses")
    message = Message(sender, lists["To"], lists["Cc"], lists["Bcc"], reply_to)
    message.tags = _tags(body.get("EmailTags") or [])
    message.configuration_set = body.get("ConfigurationSetName")
    _read_content(_object(body.get("Content"), "Content"), message, strict=strict)
    return message


# -- addresses


def bare_address(text: str) -> str:
    """The address of `"Name" <address>` or of `address`."""
    named = re.fullmatch(r'\s*(?:"(?:[^"\\\r\n]|\\.)*"|[^"<>@,;:\r\n]*)\s*<([^<>]*)>\s*', text)
    return named[1] if named else text


def check_address(address: str) -> None:
    """Raise `SesError` with SES's wording if an address cannot be one."""
    local, at, domain = address.rpartition("@")
    if not at:
        raise bad_request("Missing final '@domain'")
    if not domain:
        raise bad_request("Missing domain")
    if not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", domain):
        raise bad_request("Domain contains illegal character")
    if re.search(r"[\x00-\x20\x7f]", local):
        raise bad_request("Local address contains control or whitespace")
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+", local):
        raise bad_request("Illegal address")


def _addresses(holder: JSON, key: str) -> list[str]:
    listed = holder.get(key) or []
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        raise bad_request(f"{key} must be a list of strings.")
    for item in listed:
        check_address(bare_address(item))
    return listed


# -- content


def _read_content(content: JSON, message: Message, *, strict: bool) -> None:
    kinds = [kind for kind in ("Simple", "Raw", "Template") if content.get(kind) is not None]
    if len(kinds) != 1:
        raise bad_request("Content must have exactly one of Simple, Raw and Template.")
    if kinds == ["Template"]:
        name = _object(content["Template"], "Template").get("TemplateName")
        raise SesError(404, "NotFoundException", f"Template {name} does not exist.")
    part = _object(content[kinds[0]], kinds[0])
    if kinds == ["Raw"]:
        _read_raw(_base64(part.get("Data"), "Raw.Data"), message)
    else:
        _read_simple(part, message)
    if strict and CONTROL.search(message.subject):
        raise bad_request("Subject contains control characters")


def _read_simple(simple: JSON, message: Message) -> None:
    message.subject = _text(simple.get("Subject"), "Subject")
    body = _object(simple.get("Body"), "Body")
    if body.get("Text") is None and body.get("Html") is None:
        raise bad_request("Body must have a Text or an Html part.")
    message.text = _text(body["Text"], "Text") if body.get("Text") is not None else None
    message.html = _text(body["Html"], "Html") if body.get("Html") is not None else None
    message.headers = _headers(simple.get("Headers") or [])
    attachments = simple.get("Attachments") or []
    raw = [_base64(_object(item, "Attachment").get("RawContent"), "RawContent") for item in attachments]
    message.attachments = [_attachment(item, data) for item, data in zip(attachments, raw, strict=True)]
    parts = (message.subject, message.text or "", message.html or "")
    size = sum(len(part.encode()) for part in parts) + sum(4 * ((len(data) + 2) // 3) for data in raw)
    if size > MAX_MESSAGE_BYTES:
        raise bad_request(f"Message length is more than {MAX_MESSAGE_BYTES} bytes long: '{size}'.")


def _read_raw(raw: bytes, message: Message) -> None:
    if len(raw) > MAX_MESSAGE_BYTES:
        raise bad_request(f"Message length is more than {MAX_MESSAGE_BYTES} bytes long: '{len(raw)}'.")
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    message.subject = str(parsed.get("Subject", ""))
    message.headers = {name: str(value) for name, value in parsed.items()}
    plain, marked_up = parsed.get_body(("plain",)), parsed.get_body(("html",))
    message.text = plain.get_content() if plain else None
    message.html = marked_up.get_content() if marked_up else None
    message.attachments = [
        {"file_name": part.get_filename(), "content_type": part.get_content_type()}
        for part in parsed.iter_attachments()
    ]


def _text(value: Any, name: str) -> str:
    part = _object(value, name)
    data, charset = part.get("Data"), part.get("Charset")
    if not isinstance(data, str):
        raise bad_request(f"{name}.Data is missing.")
    try:
        data.encode(charset or "ascii")
    except (LookupError, UnicodeEncodeError) as error:
        raise bad_request(f"{name} cannot be written in {charset or '7-bit ASCII'}.") from error
    return data


def _headers(listed: list[JSON]) -> dict[str, str]:
    if len(listed) > MAX_HEADERS:
        raise bad_request(f"More than {MAX_HEADERS} headers.")
    found: dict[str, str] = {}
    for item in listed:
        name, value = item.get("Name", ""), item.get("Value", "")
        if not re.fullmatch(rf"[!-9;-~]{{1,{MAX_HEADER_NAME}}}", name):
            raise bad_request(f"Header name is not valid: {name!r}")
        if not re.fullmatch(rf"[ -~]{{1,{MAX_HEADER_VALUE}}}", value) or len(name + value) > MAX_HEADER_LINE:
            raise bad_request(f"Header value is not valid: {name}")
        found[name] = value
    return found


def _attachment(item: JSON, data: bytes) -> JSON:
    name, kind = item.get("FileName"), item.get("ContentType") or "application/octet-stream"
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_FILE_NAME:
        raise bad_request("Attachment FileName is not valid.")
    if len(kind) > MAX_CONTENT_TYPE:
        raise bad_request("Attachment ContentType is not valid.")
    if item.get("ContentDisposition", "ATTACHMENT") not in ("ATTACHMENT", "INLINE"):
        raise bad_request("Attachment ContentDisposition is not valid.")
    if item.get("ContentTransferEncoding", "BASE64") not in ENCODINGS:
        raise bad_request("Attachment ContentTransferEncoding is not valid.")
    return {"file_name": name, "content_type": kind, "bytes": len(data)}


def _tags(listed: list[JSON]) -> dict[str, str]:
    for item in listed:
        for key in ("Name", "Value"):
            if not re.fullmatch(rf"[A-Za-z0-9_-]{{1,{MAX_TAG}}}", item.get(key) or ""):
                raise bad_request(f"EmailTags {key} is not valid: {item.get(key)!r}")
    return {item["Name"]: item["Value"] for item in listed}


def _base64(value: Any, name: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, binascii.Error) as error:
        raise bad_request(f"{name} is not base64.") from error


def _object(value: Any, name: str) -> JSON:
    if not isinstance(value, dict):
        raise bad_request(f"{name} is missing or not an object.")
    return value
