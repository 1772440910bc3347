"""The table of refusals is what the real portal answers, entry by entry."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.contract.bodies import Scene, body
from tests.contract.portal.server import Portal
from tests.contract.refusal import Acceptance, Refusal, WireRefusal
from tests.contract.refusals import ACCEPTANCES, REFUSALS, WIRE_REFUSALS

pytestmark = [pytest.mark.contract, pytest.mark.xdist_group("portal")]

SUBMIT = "/api/requestgroups/"
VALIDATE = "/api/requestgroups/validate/"


def post(portal: Portal, path: str, refusal: Refusal, spoilt: dict[str, Any]) -> requests.Response:
    authorization = refusal.authorization
    headers = {"Authorization": authorization.format(token=portal.token)} if authorization else {}
    return portal.call("POST", path, None, json=spoilt, headers=headers)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
def test_is_refused(portal: Portal, scene: Scene, refusal: Refusal) -> None:
    spoilt = body(refusal.base, scene)
    refusal.spoil(spoilt, scene)
    submitted = post(portal, SUBMIT, refusal, spoilt)
    assert (submitted.status_code, submitted.json()) == (refusal.status, refusal.error)
    validated = post(portal, VALIDATE, refusal, spoilt)
    if refusal.status == 400:
        assert validated.status_code == 200
        assert validated.json() == {"request_durations": {}, "errors": refusal.error}
    else:
        assert (validated.status_code, validated.json()) == (refusal.status, refusal.error)


@pytest.mark.parametrize("acceptance", ACCEPTANCES, ids=lambda acceptance: acceptance.name)
def test_is_accepted(portal: Portal, scene: Scene, acceptance: Acceptance) -> None:
    odd = body(acceptance.base, scene)
    acceptance.spoil(odd, scene)
    assert portal.validate(odd).json()["errors"] == {}
    submitted = portal.submit(odd)
    assert submitted.status_code == 201, submitted.text


@pytest.mark.parametrize("refusal", WIRE_REFUSALS, ids=lambda refusal: refusal.name)
def test_form_is_refused(portal: Portal, scene: Scene, refusal: WireRefusal) -> None:
    content: dict[str, Any] = {"json": body("sinistro", scene)}
    if refusal.content is not None:
        content = {"data": refusal.content}
    answer = portal.call(
        refusal.method,
        refusal.path,
        portal.token,
        headers={"Content-Type": refusal.content_type},
        **content,
    )
    assert answer.status_code == refusal.status
    if refusal.error is None:
        assert answer.headers["Location"] == f"{refusal.path}/"
        assert not answer.content
    else:
        assert answer.json() == refusal.error


def test_no_two_refusals_have_one_name() -> None:
    names = [entry.name for entry in (*REFUSALS, *ACCEPTANCES, *WIRE_REFUSALS)]
    assert len(names) == len(set(names))
