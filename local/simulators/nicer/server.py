"""ARK's login and NICER's form.

Seeded accounts: `SEEDED_ACCOUNTS`, of which the last has not joined the group `NICERTOO`.

- `GET /_record`: `{"logins": [{user, ok, by, at}], "verifications": [{user, problems, fields, at}],
  "submissions": [{user, fields, at}]}`, the oldest first, passwords nowhere. `DELETE /_record` forgets it.
- `POST /_config`: see `Settings`; what is not named stays. `{"accounts": [{"user", "password", "member"?}]}`
  adds or changes accounts.

Statuses, delays and lost connections come by the base class's `/_fault`; since verification and submission
are one path, `POST /_config {"at_submit": {"kind": ...}}` is a fault for the next submission alone.
"""

from __future__ import annotations

import gzip
import re
import secrets
from dataclasses import dataclass, field, fields, replace
from typing import Any
from urllib.parse import parse_qsl, unquote

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from local.simulators.base import JSON, Fault, SimulatedClock, Simulator, json_response
from local.simulators.nicer import checks, pages

COOKIE = "NICERSIM"
FORM = "/ark/nicertoo/form.html"
SEEDED_ACCOUNTS = (
    {"user": "arkuser01", "password": "correct-horse", "member": True},
    {"user": "nicer", "password": "nicerpw", "member": True},
    {"user": "arkuser02", "password": "battery-staple", "member": False},
)
_PASSWORD = re.compile(r"(credential_1=)[^&]*")


@dataclass(frozen=True)
class Settings:
    """How it behaves.

    - `login`: `check`, or `fail` for everybody
    - `marks`: whether the five empty `RPS_*` marks are `needed` or `ignored`
    - `verification`: `check`, or `silent`: a page without either phrase
    - `receipt`: the text after a submission, on which no client can depend
    - `after_submit`: `page`, `redirect` to a page with the receipt, or `form`, the verified form again
    - `gzip`: whether answers are compressed for clients that take it
    """

    login: str = "check"
    marks: str = "needed"
    verification: str = "check"
    receipt: str = pages.RECEIPT
    after_submit: str = "page"
    gzip: bool = False

    def problem(self) -> str | None:
        """Why these settings make no sense, if so."""
        words = {
            "login": ("check", "fail"),
            "marks": ("needed", "ignored"),
            "verification": ("check", "silent"),
            "after_submit": ("page", "redirect", "form"),
            "gzip": (True, False),
        }
        wrong = [name for name, known in words.items() if getattr(self, name) not in known]
        return f"{wrong[0]} must be one of {words[wrong[0]]}" if wrong else None


@dataclass
class Visit:
    """One login: who, and the forms that have been verified in it."""

    user: str
    verified: list[dict[str, str]] = field(default_factory=list)


class NicerServer(Simulator):
    """heasarc.gsfc.nasa.gov on loopback."""

    name = "nicer"

    def __init__(self, clock: SimulatedClock | None = None) -> None:
        self.accounts: dict[str, JSON] = {}
        self.settings = Settings()
        self.visits: dict[str, Visit] = {}
        self.record: dict[str, list[JSON]] = {}
        self.at_submit: list[Fault] = []
        super().__init__(clock)

    def rules(self) -> list[Rule]:
        """Login, account page and form, and this simulator's control routes."""
        return [
            Rule("/_record", methods=["GET", "DELETE"], endpoint="control_record"),
            Rule("/_config", methods=["GET", "POST"], endpoint="control_config"),
            Rule("/ark/LOGIN", methods=["GET", "POST"], endpoint="log_in"),
            Rule("/ark/user/", methods=["GET"], endpoint="show_account"),
            Rule("/ark/nicertoo/receipt.html", methods=["GET"], endpoint="show_receipt"),
            Rule(FORM, methods=["GET", "POST"], endpoint="take_form"),
        ]

    def reset(self) -> None:
        """The seeded accounts, nobody logged in, nothing recorded."""
        super().reset()
        self.accounts = {str(account["user"]): dict(account) for account in SEEDED_ACCOUNTS}
        self.settings = Settings()
        self.visits = {}
        self.record = {"logins": [], "verifications": [], "submissions": []}
        self.at_submit = []

    def on_http_error(self, request: Request, error: HTTPException) -> Response:
        """A page."""
        return Response(pages.page(f"<p>{error.name}</p>", str(error.code)), error.code, mimetype="text/html")

    # -- the site

    def log_in(self, request: Request) -> Response:
        """`/ark/LOGIN`: to the destination with a cookie, or the login form without one."""
        given = {**request.args.to_dict(), **request.form.to_dict()}
        user = given.get("credential_0", "")
        account = self.accounts.get(user)
        ok = (
            self.settings.login == "check"
            and request.method == "POST"
            and account is not None
            and account["password"] == given.get("credential_1")
        )
        by = "form" if "credential_1" in request.form else "query"
        self.record["logins"].append({"user": user, "ok": ok, "by": by, "at": self.clock.time()})
        if not ok:
            return self._page(request, pages.login_form())
        token = secrets.token_hex(16)
        self.visits[token] = Visit(user)
        # Quoted once by the client's own hand and once by its form encoding.
        where = unquote(given.get("destination", "")) or "/ark/user/"
        answer = Response("", 302, {"Location": where if where.startswith("/") else "/ark/user/"})
        answer.set_cookie(COOKIE, token, path="/")
        return answer

    def show_account(self, request: Request) -> Response:
        """`GET /ark/user/`."""
        known = self._visit(request) is not None
        return self._page(request, pages.account() if known else pages.login_form())

    def show_receipt(self, request: Request) -> Response:
        """Where a submission may redirect."""
        known = self._visit(request) is not None
        return self._page(request, self._receipt() if known else pages.login_form())

    def take_form(self, request: Request) -> Response:
        """`/ark/nicertoo/form.html`: which button was pressed decides."""
        visit = self._visit(request)
        if visit is None:
            return self._page(request, pages.login_form())
        if not self.accounts[visit.user].get("member"):
            return self._page(request, pages.not_in_group())
        given = _form(request)
        verify = {"RPS_VERIFY.x", "RPS_VERIFY.y"} <= set(given)
        submit = {"RPS_SUBMIT.x", "RPS_SUBMIT.y"} <= set(given)
        needed = {*(checks.MARKS if self.settings.marks == "needed" else ()), *(["RPS_VERIFIED"] * submit)}
        if request.method != "POST" or verify == submit or not needed <= set(given):
            return self._page(request, pages.empty_form())
        data = {
            name: value for name, value in given.items() if not name.startswith("RPS_") and name != "COVER"
        }
        return (
            self._page(request, self._verify(visit, data)) if verify else self._submit(request, visit, data)
        )

    def _verify(self, visit: Visit, data: dict[str, str]) -> str:
        found = checks.problems(data)
        entry = {"user": visit.user, "problems": found, "fields": data, "at": self.clock.time()}
        self.record["verifications"].append(entry)
        if self.settings.verification == "silent":
            return pages.page("<p>The form is being changed.</p>")
        if found:
            return pages.refused(found)
        visit.verified.append(data)
        return pages.verified()

    def _submit(self, request: Request, visit: Visit, data: dict[str, str]) -> Response:
        if data not in visit.verified:
            return self._page(request, pages.refused(["The form has not been verified as it is."]))
        self.record["submissions"].append({"user": visit.user, "fields": data, "at": self.clock.time()})
        if self.settings.after_submit == "redirect":
            return Response("", 302, {"Location": "receipt.html"})
        again = self.settings.after_submit == "form"
        return self._page(request, pages.verified() if again else self._receipt())

    def _receipt(self) -> str:
        return pages.page(f"<p>{self.settings.receipt}</p>")

    def _visit(self, request: Request) -> Visit | None:
        return self.visits.get(request.cookies.get(COOKIE, ""))

    def _page(self, request: Request, content: str) -> Response:
        body, headers = content.encode(), {}
        if self.settings.gzip and "gzip" in request.headers.get("Accept-Encoding", ""):
            body, headers = gzip.compress(body), {"Content-Encoding": "gzip"}
        return Response(body, 200, headers, content_type="text/html; charset=utf-8")

    # -- faults and records

    def _take_fault(self, request: Request) -> Fault | None:
        if self.at_submit and request.path == FORM and b"RPS_SUBMIT.x=" in request.get_data(cache=True):
            with self.lock:
                return self.at_submit.pop(0)
        return super()._take_fault(request)

    def _note(self, request: Request, body: bytes) -> None:
        """Without passwords, and so are the records of this simulator."""
        super()._note(request, body)
        entry = self.journal[-1]
        entry.update({part: _PASSWORD.sub(r"\1********", entry[part]) for part in ("query", "body")})

    def control_record(self, request: Request) -> Response:
        """`GET /_record`, `DELETE /_record`."""
        with self.lock:
            if request.method == "DELETE":
                for entries in self.record.values():
                    entries.clear()
            return json_response(self.record)

    def control_config(self, request: Request) -> Response:
        """`GET /_config`, `POST /_config`: see the module."""
        with self.lock:
            wanted: JSON = request.get_json() if request.method == "POST" else {}
            if problem := self._change(wanted):
                return json_response({"error": problem}, 400)
            return json_response({**self.settings.__dict__, "accounts": sorted(self.accounts)})

    def _change(self, wanted: JSON) -> str | None:
        known = {each.name for each in fields(Settings)}
        if unknown := set(wanted) - known - {"accounts", "at_submit"}:
            return f"unknown settings: {', '.join(sorted(unknown))}"
        fault: JSON | None = wanted.get("at_submit")
        if fault is not None and fault.get("kind") not in Fault.KINDS:
            return f"at_submit: kind must be one of {', '.join(Fault.KINDS)}"
        accounts: list[JSON] = wanted.get("accounts", [])
        if not all({"user", "password"} <= set(each) <= {"user", "password", "member"} for each in accounts):
            return "an account has the keys user, password and optionally member"
        changed = replace(self.settings, **{name: wanted[name] for name in known & set(wanted)})
        if problem := changed.problem():
            return problem
        self.settings = changed
        self.accounts.update({each["user"]: {"member": True, **each} for each in accounts})
        self.at_submit += [Fault(**fault)] if fault else []
        return None


def _form(request: Request) -> dict[str, Any]:
    """The fields of a form-encoded body, their names exact; nothing from a body of another kind."""
    if request.mimetype != "application/x-www-form-urlencoded":
        return {}
    return dict(parse_qsl(request.get_data(cache=True).decode("utf-8", "replace"), keep_blank_values=True))
