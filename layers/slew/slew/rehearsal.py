"""The dry run.

Everything that a submission checks, and the exact exchanges it would make, without making them.
"""

from __future__ import annotations

import json
from typing import Any

from slew import admission, submission, work
from slew.errors import FacilityError, MethodNotAllowed, Rejected, Unavailable
from slew.facility import Facility, Order, Prepared, Verdict
from slew.http import shown
from slew.models import SubmitBody
from slew.principals import Role
from slew.submission import Caller
from slew.wire import HttpRequest, Mail, Upload
from slew.work import Case

_WHOLE = 4 * 1024 * 1024  # Lambda answers at most 6 MB


def dry_run(facility: Facility, body: SubmitBody, caller: Caller, *, ask_facility: bool) -> dict[str, Any]:
    """What a submission would do; nothing is stored or sent.

    `ask_facility`: the facility's own validation judges it as well.

    Raises as `submission.submit`; MethodNotAllowed where the facility has no validation.
    """
    allocation = work.find_allocation(facility, body.allocation_id)
    caller.principal.require(Role.OBSERVER, allocation.group)
    if ask_facility and not facility.can("validate"):
        raise MethodNotAllowed(f"{facility.title} has no validation of its own; use dry_run=true")
    request = submission.draft(facility, allocation, body, caller, submission.id_of(facility, caller))
    case = work.open_case(facility, allocation)
    request = submission.decent(request, case)
    admission.permitted(allocation, request, body, caller.principal)
    request = submission.numbered(facility, request, case)
    order, prepared = submission.prepare(facility, request, case)
    report = {
        "dry_run": True,
        "facility": facility.id,
        "instrument": request.instrument,
        "allocation_id": allocation.id,
        "target": dict(request.target),
        "payload": case.redactor.data(order.payload.model_dump(mode="json", exclude_none=True)),
        "requests": [_shown(case, exchange) for exchange in prepared.exchanges],
        "notes": list(prepared.notes),
    }
    if ask_facility:
        report["facility_verdict"] = _verdict(facility, order, prepared, case)
    return report


def _verdict(facility: Facility, order: Order[Any, Any], prepared: Prepared, case: Case) -> dict[str, Any]:
    try:
        verdict = facility.validate(order, prepared, case.link)
    except Rejected as error:
        verdict = Verdict(False, error.reason)
    except FacilityError as error:
        raise Unavailable(
            f"{facility.title} could not be asked: {error.reason}", headers=error.wait_header
        ) from None
    found: dict[str, Any] = case.redactor.data(
        {"accepted": verdict.accepted, "reason": verdict.reason or None, "details": dict(verdict.details)}
    )
    return found


def _shown(case: Case, exchange: HttpRequest | Mail | Upload) -> dict[str, Any]:
    if isinstance(exchange, Mail):
        mail: dict[str, Any] = case.redactor.data(
            {
                "method": "EMAIL",
                "to": list(exchange.to),
                "subject": exchange.subject,
                "text": exchange.text,
                "attachments": [
                    {"name": each.name, "bytes": len(each.content)} for each in exchange.attachments
                ],
            }
        )
        return mail
    text = shown(case.redactor, exchange.body, _WHOLE)
    if isinstance(exchange, Upload):
        return {"method": "UPLOAD", "url": case.redactor.text(exchange.url), "body": _as_json(text)}
    return {
        "method": exchange.method,
        "url": case.redactor.text(exchange.url),
        "headers": case.redactor.headers(exchange.headers),
        "body": _as_json(text),
    }


def _as_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
