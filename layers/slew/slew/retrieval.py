"""What came of a request: its products fetched into the bucket, their measurements read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from botocore.exceptions import ClientError

from slew import clock, config, fetching, objects, patience, store, work
from slew.errors import FacilityError, NoAnswer, Rejected, TooLarge
from slew.facility import Facility, Order, Progress
from slew.fetching import BrokenOff, Fetch
from slew.log import logger
from slew.photometry import PartlyRead
from slew.records import Request
from slew.work import Case

MARGIN_S = 15.0
"""Left of the invocation's time for writing down what came of it."""
ATTEMPTS = 36
"""Over about a week, for the wait grows to six hours: facilities keep files for a month."""
_PHOTOMETRY = ("photometry", "light_curve")
_ROWS_LIMIT = 32 * 1024 * 1024


def follow(
    facility: Facility, case: Case, request: Request, ends_at: float, *, anew: bool = False
) -> Request:
    """Fetch what is new among a request's products until `ends_at` (Unix seconds).

    What is left to be fetched has the request's `fetch_at`. `anew`: what was given up is taken up again.
    """
    nothing_new = request.products is None and request.fetch_at is None and not anew
    if not facility.can("download") or nothing_new:
        return request
    known = store.fetches(request.id)
    waits: list[float] = []
    measured = 0
    order: Order[Any, Any] | None = None
    for product in products_of(request, case):
        done = _begun(product, known.get(str(product["name"])))
        measured += done.rows or 0
        given_up = bool(done.error) and done.again_at is None
        if done.fetched_at or (given_up and not anew):
            continue
        if given_up:
            done = replace(done, attempts=0, again_at=clock.timestamp())
            store.put_fetch(request, case.redactor.data(done.as_doc()))
        if (done.again_at or 0) > clock.timestamp() or clock.timestamp() >= ends_at:
            waits.append(max(done.again_at or 0, clock.timestamp()))
            continue
        order = order or work.order_of(facility, request, case)
        done = _fetched(facility, case, order, request, product, done, ends_at)
        store.put_fetch(request, case.redactor.data(done.as_doc()))
        measured += done.rows or 0
        if done.again_at is not None and not done.fetched_at:
            waits.append(done.again_at)
    return request.change(fetch_at=min(waits, default=None), rows=measured)


def products_of(request: Request, case: Case) -> list[dict[str, Any]]:
    """A request's products: those just found, else those known."""
    if request.products is None:
        return store.products(request.id)
    return [case.redactor.data(dict(each)) for each in request.products]


def keep(request: Request, case: Case, progress: Progress) -> None:
    """Put products whose content came with a message into the bucket, as if they had been fetched."""
    for product in progress.products or ():
        name, content = str(product["name"]), progress.files.get(str(product["name"]))
        if content is None:
            continue
        key, content_type = _key(request, name), str(product["content_type"])
        objects.put(key, content, content_type)
        done = Fetch(
            name,
            _identity(case.redactor.data(dict(product))),
            object=key,
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
            content_type=content_type,
            fetched_at=clock.isoformat(clock.timestamp()),
        )
        store.put_fetch(request, case.redactor.data(done.as_doc()))


def rows(request: Request) -> list[dict[str, Any]]:
    """The measurements that were read in a request's products, by time; see `slew.photometry.Row`."""
    found: list[dict[str, Any]] = []
    for doc in store.fetches(request.id).values():
        content = objects.get(doc["rows_object"], _ROWS_LIMIT) if doc.get("rows_object") else None
        found += json.loads(content) if content else []
    return sorted(found, key=lambda row: float(row["mjd"]))


def _begun(product: Mapping[str, Any], doc: Mapping[str, Any] | None) -> Fetch:
    """How far a product is, from the start where the facility describes another file by its name."""
    identity = _identity(product)
    if doc and doc["identity"] == identity:
        return Fetch.from_doc(doc)
    return Fetch(str(product["name"]), identity)


def _identity(product: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(product, sort_keys=True).encode()).hexdigest()[:24]


def _key(request: Request, name: str) -> str:
    safe = fetching.safe_name(name)
    if safe != name:  # two names may be alike once they are safe
        safe = f"{hashlib.sha256(name.encode()).hexdigest()[:8]}-{safe}"
    return f"products/{request.facility}/{request.id}/{safe}"


def _fetched(
    facility: Facility,
    case: Case,
    order: Order[Any, Any],
    request: Request,
    product: Mapping[str, Any],
    begun: Fetch,
    ends_at: float,
) -> Fetch:
    key = _key(request, begun.name)
    try:
        wire = facility.download(order, product, case.link)
        if not config.is_configured(wire.url):  # a facility may name any host, one inside our network too
            wire = replace(wire, untrusted=True)
        done = fetching.fetch(case.http, wire, product, begun, key, ends_at)
        return _read(facility, order, product, done) if done.fetched_at else done
    except BrokenOff as error:
        came_on = error.fetch.resumable and error.fetch.offset > begun.offset
        return _again(replace(error.fetch, attempts=0) if came_on else error.fetch, error)
    except Rejected as error:
        return replace(begun, error=error.reason, attempts=begun.attempts + 1, again_at=None)
    except FacilityError as error:
        return _again(begun, error)
    except ClientError as error:
        logger.warning("S3 refused a product", request_id=request.id, exc_info=error)
        return _again(Fetch(begun.name, begun.identity, attempts=begun.attempts), NoAnswer("S3 refused it"))
    except Exception:
        logger.exception("the facility's class failed", request_id=request.id)
        return _again(begun, NoAnswer("internal error"))


def _again(begun: Fetch, error: FacilityError) -> Fetch:
    attempts = begun.attempts + 1
    wait = patience.wait_s(begun.attempts, error.retry_after, base=60, limit=6 * 3600)
    again_at = clock.timestamp() + wait if attempts < ATTEMPTS else None
    reason = error.reason if again_at else f"given up after {attempts} attempts: {error.reason}"
    return replace(begun, error=reason, attempts=attempts, again_at=again_at)


def _read(facility: Facility, order: Order[Any, Any], product: Mapping[str, Any], done: Fetch) -> Fetch:
    """Read the measurements of a product that holds some."""
    if product.get("kind") not in _PHOTOMETRY or not facility.can("photometry"):
        return done
    fault = ""
    try:
        found = facility.photometry(order, product, objects.get(done.object, _ROWS_LIMIT) or b"")
    except PartlyRead as error:
        found, fault = error.rows, str(error)
    except (ValueError, TooLarge) as error:
        return replace(done, error=f"its measurements cannot be read: {error}")
    except ClientError:
        raise
    except Exception:
        logger.exception("measurements could not be read", product=done.name)
        return replace(done, error="its measurements cannot be read: internal error; it has been logged")
    key = f"{done.object}.rows"
    objects.put(key, json.dumps([asdict(row) for row in found]).encode(), "application/json")
    return replace(done, rows_object=key, rows=len(found), error=fault)
