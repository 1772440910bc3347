"""Slack's incoming webhooks (cards slack.md and notifications.md).

- `POST /services/<workspace>/<service>/<token>`; three hooks are seeded (`SEEDED_HOOKS`), all working.
- `GET /_messages`: `[{hook, at, payload, rendered}]`, the oldest first; `rendered` as
  `slack_rendering.render_message` gives it, so that a mention that was not meant shows. `DELETE /_messages`
  forgets them.
- `GET /_refusals`: `[{hook, status, error, reason, at}]`: the rule that was broken, which Slack does not
  tell.
- `POST /_config`: `{"hooks": [{"workspace", "service", "token", "state"?}], "burst"?, "rate"?}` adds or
  changes hooks. `state` is `active` or a word of `STATES`. Rate and burst are messages per second and
  messages at once, per webhook.

Transport failures (a connection closed before or after reading, a slow answer) come by the base class's
`/_fault`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import RequestRedirect, Rule

from local.simulators.base import JSON, SimulatedClock, Simulator, json_response
from local.simulators.block_kit import BlockError, check_blocks
from local.simulators.rates import TokenBucket
from local.simulators.slack_rendering import render_message

SEEDED_HOOKS = (
    ("T00000000", "B00000000", "XXXXXXXXXXXXXXXXXXXXXXXX"),
    ("T00000000", "B00000001", "YYYYYYYYYYYYYYYYYYYYYYYY"),
    ("T00000001", "B00000002", "ZZZZZZZZZZZZZZZZZZZZZZZZ"),
)
STATES: dict[str, tuple[int, str]] = {
    "disabled": (404, "no_active_hooks"),
    "removed": (404, "no_service_id"),
    "channel_gone": (404, "channel_not_found"),
    "archived": (410, "channel_is_archived"),
    "prohibited": (403, "action_prohibited"),
    "general_denied": (403, "posting_to_general_channel_denied"),
    "team_disabled": (403, "team_disabled"),
    "user_not_found": (400, "user_not_found"),
    "rollup_error": (500, "rollup_error"),
}
MAX_ATTACHMENTS = 100
TEXT_CUT = 40_000
DEFAULT_RATE = 1.0
DEFAULT_BURST = 5


class _Refused(Exception):
    def __init__(self, status: int, error: str, reason: str = "") -> None:
        super().__init__(error)
        self.status, self.error, self.reason = status, error, reason


@dataclass
class Hook:
    """One incoming webhook: its three path parts, its state, its rate limit."""

    workspace: str
    service: str
    token: str
    bucket: TokenBucket
    state: str = "active"


class SlackServer(Simulator):
    """hooks.slack.com on loopback."""

    name = "slack"

    def __init__(self, clock: SimulatedClock | None = None) -> None:
        self.hooks: dict[str, Hook] = {}
        self.messages: list[JSON] = []
        self.refusals: list[JSON] = []
        self.rate, self.burst = DEFAULT_RATE, DEFAULT_BURST
        super().__init__(clock)

    def rules(self) -> list[Rule]:
        """The webhook route and the control routes of this simulator."""
        return [
            Rule("/_messages", methods=["GET", "DELETE"], endpoint="control_messages"),
            Rule("/_refusals", methods=["GET"], endpoint="control_refusals"),
            Rule("/_config", methods=["GET", "POST"], endpoint="control_config"),
            Rule("/services/<workspace>/<service>/<token>", methods=["POST"], endpoint="post_message"),
        ]

    def reset(self) -> None:
        """The seeded hooks, all active, and no messages."""
        super().reset()
        self.messages, self.refusals = [], []
        self.rate, self.burst = DEFAULT_RATE, DEFAULT_BURST
        self.hooks = {}
        for workspace, service, token in SEEDED_HOOKS:
            self.add_hook(workspace, service, token)

    def add_hook(self, workspace: str, service: str, token: str, state: str = "active") -> None:
        """Add a webhook, or change the token and state of the one with that service id."""
        bucket = TokenBucket(self.rate, self.burst)
        self.hooks[service] = Hook(workspace, service, token, bucket, state)

    def on_http_error(self, request: Request, error: HTTPException) -> Response:
        """Plain text. A doubled slash is 404: what Slack does with it is not known, so it must not be relied
        on.
        """
        code = 404 if isinstance(error, RequestRedirect) else error.code or 500
        return Response(error.name if code != 404 else "Not Found", code, content_type="text/html")

    def post_message(self, request: Request, workspace: str, service: str, token: str) -> Response:
        """`POST /services/...`: `ok`, or the error word with its status."""
        if request.environ.get("simulator.target", "").startswith("//"):
            raise NotFound
        try:
            hook = self._known(workspace, service, token)
            if not hook.bucket.take(self.clock.time()):
                raise _Refused(429, "rate_limited")
            if hook.state != "active":
                raise _Refused(*STATES[hook.state])
            payload = parse_payload(request)
        except _Refused as refused:
            now = self.clock.time()
            self.refusals.append({"hook": f"{workspace}/{service}", "at": now, **refused.__dict__})
            headers = {"Retry-After": "1"} if refused.status == 429 else {}
            return Response(refused.error, refused.status, headers, content_type="text/html")
        self.messages.append(
            {
                "hook": f"{workspace}/{service}",
                "at": self.clock.time(),
                "payload": payload,
                "rendered": render_message(_cut(payload)),
            }
        )
        return Response("ok", 200, content_type="text/html")

    def _known(self, workspace: str, service: str, token: str) -> Hook:
        if workspace not in {hook.workspace for hook in self.hooks.values()}:
            raise _Refused(404, "no_team")
        hook = self.hooks.get(service)
        if hook is None or hook.workspace != workspace:
            raise _Refused(404, "no_service")
        if hook.token != token:
            raise _Refused(403, "invalid_token")
        return hook

    # -- control routes

    def control_messages(self, request: Request) -> Response:
        """`GET /_messages`, `DELETE /_messages`."""
        with self.lock:
            if request.method == "DELETE":
                self.messages.clear()
            return json_response(self.messages)

    def control_refusals(self, request: Request) -> Response:
        """`GET /_refusals`."""
        with self.lock:
            return json_response(self.refusals)

    def control_config(self, request: Request) -> Response:
        """`GET /_config`, `POST /_config`: see the module."""
        with self.lock:
            wanted: JSON = request.get_json() if request.method == "POST" else {}
            if reason := self._change(wanted):
                return json_response({"error": reason}, 400)
            hooks = [
                {"workspace": h.workspace, "service": h.service, "token": h.token, "state": h.state}
                for h in self.hooks.values()
            ]
            return json_response({"rate": self.rate, "burst": self.burst, "hooks": hooks})

    def _change(self, wanted: JSON) -> str | None:
        if unknown := set(wanted) - {"hooks", "rate", "burst"}:
            return f"unknown settings: {', '.join(sorted(unknown))}"
        hooks: list[JSON] = wanted.get("hooks", [])
        for hook in hooks:
            if (
                not {"workspace", "service", "token"}
                <= set(hook)
                <= {"workspace", "service", "token", "state"}
            ):
                return "a hook has the keys workspace, service, token and optionally state"
            if hook.get("state", "active") not in ("active", *STATES):
                return f"state must be active or one of {', '.join(STATES)}"
        self.rate = float(wanted.get("rate", self.rate))
        self.burst = int(wanted.get("burst", self.burst))
        if "rate" in wanted or "burst" in wanted:
            for known in self.hooks.values():
                known.bucket = TokenBucket(self.rate, self.burst)
        for hook in hooks:
            self.add_hook(**hook)
        return None


def parse_payload(request: Request) -> JSON:
    """The message of a request, if Slack would post it."""
    if request.mimetype != "application/json":
        raise _Refused(400, "invalid_payload", f"content type {request.mimetype!r}")
    try:
        payload: Any = json.loads(request.get_data().decode("utf-8"))
    except ValueError as error:
        raise _Refused(400, "invalid_payload", str(error)) from error
    if not isinstance(payload, dict):
        raise _Refused(400, "invalid_payload", "not an object")
    kinds: dict[str, type] = {
        "text": str,
        "thread_ts": str,
        "mrkdwn": bool,
        "unfurl_links": bool,
        "unfurl_media": bool,
    }
    for key, kind in kinds.items():
        if key in payload and not isinstance(payload[key], kind):
            raise _Refused(400, "invalid_payload", f"{key} is not a {kind.__name__}")
    _check_blocks(payload.get("blocks", []))
    _check_attachments(payload.get("attachments", []))
    if not (payload.get("text") or payload.get("blocks") or payload.get("attachments")):
        raise _Refused(400, "no_text")
    return payload


def _check_blocks(blocks: Any) -> None:
    if not isinstance(blocks, list):
        raise _Refused(400, "invalid_blocks_format", "blocks is not a list")
    try:
        check_blocks(blocks)
    except BlockError as error:
        raise _Refused(400, "invalid_blocks", str(error)) from error


def _check_attachments(attachments: Any) -> None:
    if not isinstance(attachments, list) or not all(isinstance(item, dict) for item in attachments):
        raise _Refused(400, "invalid_attachments", "attachments is not a list of objects")
    if len(attachments) > MAX_ATTACHMENTS:
        raise _Refused(400, "too_many_attachments", f"{len(attachments)}, at most {MAX_ATTACHMENTS}")
    for attachment in attachments:
        if not any(
            attachment.get(key) for key in ("text", "fallback", "pretext", "title", "blocks", "fields")
        ):
            raise _Refused(400, "missing_text_or_fallback_or_attachments", "an attachment shows nothing")
        _check_blocks(attachment.get("blocks", []))


def _cut(payload: JSON) -> JSON:
    """Slack cuts a `text` that is too long."""
    text = payload.get("text")
    return {**payload, "text": text[:TEXT_CUT]} if isinstance(text, str) else payload
