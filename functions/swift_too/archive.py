"""Searches of the archive, and the files of observations as products (card: v2: retrieve, Data products)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from slew import clock
from slew.errors import NoAnswer
from slew.facility import Order, Progress, Submission
from slew.status import Status
from swift_too.models import DataPayload
from swift_too.records import File, Flown
from swift_too.service import Service, base_url

CONE = 5 / 60  # deg
SOON_S, RETRY_S = 30.0, 600.0
RETRIED_FOR = timedelta(days=1)
MOST = 20
"""Observations whose files are listed at one time, one query for each."""

_KINDS = (
    (re.compile(r"_(sk|ex|rw)\.img|/image$|/products$.*\.img", re.IGNORECASE), "image"),
    (re.compile(r"\.(pha|pi)(\.|$)", re.IGNORECASE), "spectrum"),
    (re.compile(r"\.lc(\.|$)", re.IGNORECASE), "light_curve"),
    (re.compile(r"(^|/)log(/|$)", re.IGNORECASE), "log"),
    (re.compile(r"\.(tar|zip)(\.|$)", re.IGNORECASE), "archive"),
)
_TYPES = {
    "gz": "application/gzip",
    "gif": "image/gif",
    "jpg": "image/jpeg",
    "png": "image/png",
    "html": "text/html",
    "txt": "text/plain",
    "fits": "application/fits",
    "evt": "application/fits",
}


@dataclass(frozen=True)
class Listing:
    """Products found; observations that have none yet, and that could not be listed; what is to be told."""

    products: tuple[Mapping[str, Any], ...]
    without: tuple[str, ...]
    failed: tuple[str, ...]
    notes: tuple[str, ...]


def listing(service: Service, obs_ids: Sequence[str], wanted: Mapping[str, bool]) -> Listing:
    """The files of the newest observations; one that cannot be listed does not spoil the others."""
    products: dict[str, Mapping[str, Any]] = {}
    without: list[str] = []
    failed: list[str] = []
    notes: list[str] = []
    if len(obs_ids) > MOST:
        notes.append(f"files of the newest {MOST} of {len(obs_ids)} observations are listed")
    for obs_id in obs_ids[-MOST:]:
        try:
            files = service.files(obs_id, wanted)
        except NoAnswer as error:
            failed.append(obs_id)
            notes.append(f"{obs_id}: {error.reason}")
            continue
        if not files:
            without.append(obs_id)
            notes.append(f"No data found for {obs_id}.")
        products.update(_products(obs_id, files))
    return Listing(tuple(products.values()), tuple(without), tuple(failed), tuple(notes))


def fetchable(url: str) -> bool:
    """Whether a file's address may be asked: any host by TLS, else only our own base."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.hostname)
    own = urlsplit(base_url("v2"))
    return parts.scheme == "http" and (parts.scheme, parts.netloc) == (own.scheme, own.netloc)


def found(order: Order[Any, Any], flown: Flown, service: Service) -> Submission:
    """What a search found; its files are listed by the first poll."""
    count = len(flown.obs_ids)
    data = {
        "protocol": service.version,
        "submitted_at": clock.isoformat(order.now),
        "obs_ids": list(flown.obs_ids),
    }
    status = Status.IN_PROGRESS if count else Status.COMPLETE
    text = f"Number of observations: {count}"
    return Submission(f"archive {order.request_id}", data, status, text, next_poll_s=SOON_S)


def fetched(order: Order[Any, Any], payload: DataPayload, service: Service) -> Progress:
    """The files of a search's observations; those that could not be listed are asked for again, for a day."""
    obs_ids = [str(each) for each in order.facility_data.get("obs_ids", ())]
    wanted = {"xrt": payload.XRT, "uvot": payload.UVOT, "bat": payload.BAT}
    files = listing(service, obs_ids, wanted)
    text = "; ".join(
        (f"Number of observations: {len(obs_ids)}", f"{len(files.products)} files", *files.notes)
    )
    if files.failed and order.now - order.created_at < RETRIED_FOR:
        return Progress(Status.IN_PROGRESS, text, products=files.products or None, next_poll_s=RETRY_S)
    return Progress(Status.COMPLETE, text, products=files.products or None, next_poll_s=None)


def _products(obs_id: str, files: Sequence[File]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for file in files:
        folder = file.path if obs_id in file.path else f"{obs_id}/{file.path}"
        name = re.sub(r"[^A-Za-z0-9_.-]+", "_", f"{folder.strip('/')}/{file.name}").lstrip(".")
        yield (
            name,
            {
                "name": name,
                "kind": _kind(file),
                "url": file.url,
                "content_type": _TYPES.get(file.name.rpartition(".")[2].lower(), "application/octet-stream"),
                "filename": file.name,
                "obs_id": obs_id,
                "path": file.path,
                "type": file.description,
                "quicklook": file.quicklook,
            },
        )


def _kind(file: File) -> str:
    for pattern, kind in _KINDS:
        if pattern.search(file.name) or pattern.search(file.path):
            return kind
    return "table"
