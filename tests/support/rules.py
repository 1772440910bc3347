"""What each route of every function needs, with a call that succeeds; and a facility that has all routes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slew.facility import Cancellation, Link, Order, Prepared, Submission, Verification
from tests.support.principals import OWN, REFUSED
from tests.support.survey import SECRET, Survey

BASE = "/facilities/survey"


class Everything(Survey):
    """A facility with all operations."""

    def numbers(self, altdata: Any) -> range:
        """Enough for every cell."""
        return range(1, 10_000)

    def update(self, order: Order[Any, Any], prepared: Prepared, link: Link) -> Submission:
        """Taken."""
        return Submission(order.facility_request_id)

    def cancel(self, order: Order[Any, Any], link: Link) -> Cancellation:
        """Done."""
        return Cancellation()

    def reconcile(self, order: Order[Any, Any], link: Link) -> None:
        """Undecided."""

    def verify(self, altdata: Any, link: Link) -> Verification:
        """Yes."""
        return Verification(True, "yes")


@dataclass(frozen=True)
class Rule:
    """What a route needs, and a call that succeeds with it.

    `needs`: nobody (public), anybody (any good token), a role, which `in_group` demands in the allocation's
    group. `hides`: who lacks it is told of nothing (a list is empty, an item is not there), not refused.
    """

    needs: str
    url: str
    body: Any = None
    in_group: bool = True
    status: int = 200
    headers: Mapping[str, str] | None = None


PLAN = {"allocation_id": "{allocation}", "payload": {"fields": [1]}}
ALLOCATION = {"pi": "PI", "group": OWN, "altdata": {"listener_token": SECRET}}
ONE = f"{BASE}/allocations/{{allocation}}"


def _requests(collection: str) -> dict[str, Rule]:
    one = f"{BASE}/{collection}/{{request}}"
    path = f"{BASE}/{collection}/<id>"
    return {
        f"POST {BASE}/{collection}": Rule("observer", f"{BASE}/{collection}", PLAN, status=201),
        f"GET {path}": Rule("viewer", one),
        f"PUT {path}": Rule("observer", one, {"payload": {"fields": [2]}}),
        f"DELETE {path}": Rule("observer", one),
        f"POST {path}/refresh": Rule("observer", f"{one}/refresh"),
        f"POST {path}/resubmit": Rule("observer", f"{BASE}/{collection}/{{rejected}}/resubmit"),
        f"POST {path}/close": Rule(
            "observer", f"{BASE}/{collection}/{{unknown}}/close", {"status": "failed"}
        ),
        f"GET {path}/payload": Rule("viewer", f"{one}/payload"),
    }


FACILITY: dict[str, Rule] = {
    f"POST {BASE}/allocations": Rule("manager", f"{BASE}/allocations", ALLOCATION, status=201),
    f"GET {BASE}/allocations/<id>": Rule("viewer", ONE),
    f"PATCH {BASE}/allocations/<id>": Rule("manager", ONE, {"pi": "X"}),
    f"PUT {BASE}/allocations/<id>": Rule("manager", ONE, ALLOCATION),
    f"DELETE {BASE}/allocations/<id>": Rule("manager", f"{ONE}?force=true", status=204),
    f"POST {BASE}/allocations/<id>/verify": Rule("observer", f"{ONE}/verify"),
    **_requests("requests"),
    **_requests("plans"),
    f"POST {BASE}/uploads": Rule("observer", f"{BASE}/uploads", in_group=False, status=201),
    f"GET {BASE}/allocations/<id>/queues": Rule("viewer", f"{ONE}/queues"),
    f"DELETE {BASE}/allocations/<id>/queues/<name>": Rule("observer", f"{ONE}/queues/survey"),
    f"POST {BASE}/messages": Rule(
        "nobody",
        f"{BASE}/messages",
        {"number": "{number}", "text": "x"},
        headers={"Authorization": f"token {SECRET}"},
    ),
    f"POST {BASE}/messages/<path>": Rule(
        "nobody",
        f"{BASE}/messages/x",
        {"number": "{number}", "text": "x"},
        headers={"Authorization": f"token {SECRET}"},
    ),
}
QUERIES: dict[str, Rule] = {
    "GET /openapi.json": Rule("nobody", "/openapi.json"),
    "GET /facilities": Rule("anybody", "/facilities"),
    "GET /facilities/<facility>": Rule("anybody", "/facilities/lco"),
    "GET /allocations": Rule("viewer", f"/allocations?group={OWN}"),
    "GET /requests": Rule("viewer", f"/requests?group={OWN}"),
    "GET /requests/<id>": Rule("viewer", "/requests/{request}"),
    "GET /requests/<id>/transactions": Rule("viewer", "/requests/{request}/transactions"),
    "GET /requests/<id>/products": Rule("viewer", "/requests/{request}/products"),
    "GET /requests/<id>/photometry": Rule("viewer", "/requests/{request}/photometry"),
    "GET /groups/<group>/export": Rule("manager", f"/groups/{OWN}/export"),
}
PLOTS = {"GET /requests/<id>/photometry.png": Rule("viewer", "/requests/{request}/photometry.png")}
TOKENS: dict[str, Rule] = {
    "POST /tokens": Rule("admin", "/tokens", {"name": "n", "role": "viewer", "groups": [OWN]}, status=201),
    "GET /tokens": Rule("admin", "/tokens"),
    "DELETE /tokens/<id>": Rule("admin", "/tokens/{token}", status=204),
}
SKYPORTAL: dict[str, Rule] = {
    "POST /skyportal/requests": Rule(
        "observer",
        "/skyportal/requests",
        {
            "obj_id": "{object}",
            "allocation_id": 7,
            "payload": {"fields": [1]},
            "target": {"name": "AT", "ra": 1, "dec": 1},
        },
    ),
    "DELETE /skyportal/requests/<id>": Rule("observer", "/skyportal/requests/{request}"),
    "PUT /skyportal/targets/<obj_id>": Rule(
        "observer", "/skyportal/targets/AT", {"target": {"name": "AT", "ra": 1, "dec": 1}}, in_group=False
    ),
    "PUT /skyportal/senders/<token_id>": Rule("admin", "/skyportal/senders/{token}", {"allocations": {}}),
    "GET /skyportal/senders/<token_id>": Rule("admin", "/skyportal/senders/{sender}"),
    "DELETE /skyportal/senders/<token_id>": Rule("admin", "/skyportal/senders/{sender}", status=204),
}


TABLES = {
    "survey": FACILITY,
    "queries": QUERIES,
    "plots": PLOTS,
    "tokens": TOKENS,
    "skyportal": SKYPORTAL,
}

LEVEL = {"viewer": 1, "observer": 2, "manager": 3, "admin": 4}


def expected(rule: Rule, caller: str) -> int:
    """The status that a cell must have."""
    if rule.needs == "nobody":
        return rule.status
    if caller in REFUSED:
        return 401
    if rule.needs == "anybody" or caller == "admin":
        return rule.status
    role, _, group = caller.partition(" of ")
    if LEVEL[role] < LEVEL[rule.needs] or (rule.in_group and group != OWN):
        return 403
    return rule.status
