"""The v1.2 endpoint of the Swift simulator: who may ask what, what is queued, and how it is answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from werkzeug import Request, Response

from local.simulators.base import JSON
from local.simulators.swift_too import demands, queries, signed
from local.simulators.swift_too.accounts import ANONYMOUS
from local.simulators.swift_too.config import Config


class SignedEndpoint:
    """`judged` decides on a TOO's form (v2's answer and status); `shown` answers a query, as in v2."""

    def __init__(
        self,
        judged: Callable[[demands.Form], tuple[JSON, int]],
        shown: Callable[[str, queries.Query, str | None], JSON],
    ) -> None:
        self._judged, self._shown = judged, shown
        self._jobs: dict[str, signed.Job] = {}
        self._config = Config()

    def answer(self, request: Request, config: Config) -> Response:
        """`POST` (form field `jwt`) or `GET` (`?jwt=`)."""
        self._config = config
        token = request.form.get("jwt") if request.method == "POST" else request.args.get("jwt")
        try:
            name, version, data = signed.read(token or "")
        except signed.NoToken as error:
            return Response(str(error), 200, content_type="text/html; charset=UTF-8")
        if version != signed.API_VERSION:
            return self._told(signed.status("Rejected", errors=["API version mismatch."]))
        if name == "Swift_TOO_Status":
            return self._told(self._status_of(data))
        if name == "Swift_TOO_Request":
            if data.get("slew_in_place") is False:
                return Response("<html><body>Gateway Time-out</body></html>", 504, content_type="text/html")
            return self._told(self._look(token or "", lambda: self._too(data)))
        if self._config.queued_queries:
            return self._told(self._look(token or "", lambda: self._query(name, data)))
        return self._told(self._query(name, data))

    def _look(self, token: str, result: Callable[[], JSON]) -> JSON:
        """Queued at first; the same token again asks how it went."""
        if token not in self._jobs:
            self._jobs[token] = signed.Job(23_500_000 + len(self._jobs), result())
        return self._state(self._jobs[token])

    def _state(self, job: signed.Job) -> JSON:
        job.looks += 1
        if job.looks <= self._config.queued_looks:
            return signed.status("Queued", jobnumber=job.number)
        return job.result

    def _status_of(self, data: JSON) -> JSON:
        job = next((each for each in self._jobs.values() if each.number == data.get("jobnumber")), None)
        return self._state(job) if job else signed.status("Rejected", errors=["No such job."])

    def _too(self, data: JSON) -> JSON:
        form, problem = signed.form_of(data)
        try:
            if problem:
                raise demands.Refused(problem)
            if data["username"] == ANONYMOUS:
                raise demands.Refused("Cannot submit TOOs from anonymous user.")
            demands.check_form(form, demands.SIGNED_UNITS)
            answer, _ = self._judged(form)
        except demands.Broken as error:
            texts = [text.removeprefix("Value error, ") for _, text in error.lines]
            return signed.status("Rejected", errors=texts)
        except demands.Refused as error:
            return signed.status("Rejected", errors=[str(error)])
        return signed.wrapped("Swift_TOO_Status", answer)

    def _query(self, name: str, data: JSON) -> JSON:
        known: dict[str, tuple[str, str, Callable[[JSON], JSON]]] = {
            "Swift_TOO_Requests": ("too", "Swift_TOO_Request", signed.with_blanks),
            "Swift_Calendar": ("calendar", "Swift_Calendar_Entry", signed.with_blanks),
            "Swift_AFST": ("obsquery", "Swift_AFST_Entry", signed.renamed),
            "Swift_Data": ("data", "Swift_Data_File", dict),
            "UVOT_mode": ("uvot_mode", "UVOT_mode_entry", dict),
        }
        if name not in known:
            return signed.status("Rejected", errors=[f"Unknown api_name: {name}"])
        path, kind, spelt = known[name]
        names = {"targetid": "target_id", "obsid": "obs_id", "obsnum": "obs_id", "uvotmode": "uvot_mode"}
        query = {names.get(key, key): value for key, value in data.items() if key != "username"}
        if name == "Swift_AFST" and "target_id" in query:
            query.pop("radius", None)
        if name == "Swift_TOO_Requests":
            query.setdefault("limit", 10)
        try:
            content = self._shown(path, query, data["username"])
        except queries.BadQuery as error:
            return signed.status("Rejected", errors=[f"{error.name}: {error.text}"])
        except demands.Refused as error:
            return signed.status("Rejected", errors=[str(error)])
        entries: list[Any] = [signed.wrapped(kind, spelt(each)) for each in content["entries"]]
        more = {key: value for key, value in content.items() if key == "afstmax"}
        return signed.wrapped(name, {"entries": entries, **more, "status": signed.status("Accepted")})

    def _told(self, content: JSON) -> Response:
        refused = content["api_data"].get("status") == "Rejected"
        code = 400 if refused and self._config.signed_refuse_with_400 else 200
        return Response(f"\n\n\n{json.dumps(content)}", code, content_type="text/html; charset=UTF-8")
