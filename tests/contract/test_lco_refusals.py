"""Each refusal of the real Observation Portal reaches LCO's caller readably, the field named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, cast

import pytest

from slew.errors import Rejected
from slew.facility import Link, MailLink, Order
from slew.http import Http
from slew.redact import Redactor
from slew.wire import Answer, HttpRequest
from tests.contract.answers import Like, Listing
from tests.contract.bodies import Scene
from tests.contract.lco_at_portal import TELESCOPES, order_at, point_at
from tests.contract.portal.server import Portal
from tests.contract.refusal import Refusal
from tests.contract.refusals import REFUSALS
from tests.lco_orders import FACILITY, link

pytestmark = [pytest.mark.contract, pytest.mark.xdist_group("portal")]


JSON = dict[str, Any]


@pytest.fixture(autouse=True)
def at_portal(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    point_at(portal, monkeypatch)


@pytest.fixture
def make(portal: Portal, scene: Scene) -> Callable[..., Order[Any, Any]]:
    """Makes orders that the portal accepts now."""
    return partial(order_at, portal, scene)


class Spoiling:
    """A link that changes a submission just before it is sent, as `refusal` says."""

    def __init__(self, http: Http, refusal: Refusal, scene: Scene, token: str) -> None:
        self._http, self._refusal, self._scene, self._token = http, refusal, scene, token

    def send(self, request: HttpRequest, *, read_timeout: float = 60.0) -> Answer:
        """Spoilt."""
        return self._http.send(self._spoilt(request), read_timeout=read_timeout)

    def read(self, request: HttpRequest, *, read_timeout: float = 60.0) -> Answer:
        """As it is, but for validate."""
        return self._http.read(
            self._spoilt(request) if request.method == "POST" else request, read_timeout=read_timeout
        )

    def _spoilt(self, request: HttpRequest) -> HttpRequest:
        body = json.loads(request.body)
        self._refusal.spoil(body, self._scene)
        headers = {name: value for name, value in request.headers.items() if name != "Authorization"}
        if self._refusal.authorization:
            headers["Authorization"] = self._refusal.authorization.format(token=self._token)
        return replace(request, headers=headers, body=json.dumps(body).encode())


@pytest.mark.parametrize(
    "refusal", [each for each in REFUSALS if each.base in TELESCOPES], ids=lambda refusal: refusal.name
)
def test_each_refusal_is_told_readably(
    make: Callable[..., Order[Any, Any]], portal: Portal, scene: Scene, refusal: Refusal
) -> None:
    wanted = make(str(refusal.base), {"exposure_time": 300.0})
    way = Link(Spoiling(Http(Redactor([portal.token])), refusal, scene, portal.token), cast(MailLink, None))
    prepared = FACILITY.prepare(wanted, link())
    with pytest.raises(Rejected) as caught:
        FACILITY.submit(wanted, prepared, way)
    if refusal.status == 403:
        assert caught.value.reason == f"facility refused the credentials ({refusal.error['detail']})"
        return
    told = caught.value.reason
    assert not set("{}\n") & set(told.replace("extra_params{", "").replace("field}", ""))
    leaves = list(_leaves(refusal.error))
    assert leaves
    for path, leaf in leaves:
        assert _is_told(f"{path}: " if path else "", leaf, told), (path, leaf)
    verdict = FACILITY.validate(wanted, prepared, way)
    # The portal lists instruments in no order.
    assert (verdict.accepted, sorted(verdict.reason)) == (False, sorted(told))


def _leaves(error: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each text of an error (or what is equal to it), and the path of its field: `a[0].b`."""
    match error:
        case dict():
            for key, value in error.items():
                # Texts about a whole object, not about a field of such a name.
                whole = key in ("non_field_errors", "detail", "errors")
                yield from _leaves(value, path if whole else f"{path}.{key}" if path else key)
        case list() if any(isinstance(each, dict | list) for each in error):
            for index, value in enumerate(error):
                yield from _leaves(value, f"{path}[{index}]")
        case list():
            for value in error:
                yield path, value
        case _:
            yield path, error


def _is_told(before: str, leaf: str | Like | Listing, told: str) -> bool:
    """Whether a reason holds a text after `before`; line breaks in texts are blanks in a reason."""
    if isinstance(leaf, Like):
        return re.search(re.escape(before) + leaf.pattern, told) is not None
    if isinstance(leaf, Listing):
        start = " ".join(f"{before}{leaf.before}".split())
        _, found, listed = told.partition(start)
        return bool(found) and all(item in listed.partition("; ")[0] for item in leaf.items)
    assert isinstance(leaf, str)
    return f"{before}{leaf}" in told
