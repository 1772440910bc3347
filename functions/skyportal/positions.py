"""Where an object is: a SkyPortal's trigger does not say, and a name is no position."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from skyportal.answers import Refusal
from skyportal.budget import Budget
from skyportal.senders import Sender
from slew import redact
from slew.errors import Failed, NoAnswer
from slew.http import Http
from slew.models import Target
from slew.wire import HttpRequest, NotJson

_LOOK_UP_S = 8.0


def find(sender: Sender, obj_id: str, given: Target | None, known: Target | None, budget: Budget) -> Target:
    """The target: as given or told before, else as the sender's API has it, else as once triggered.

    Raises Refusal 422 where nobody says.
    """
    found = given or _asked(sender, obj_id, budget) or known
    if found is None:
        raise Refusal(
            422,
            f"the position of {obj_id} is not known: give target, or PUT /skyportal/targets/{obj_id}, or let "
            "Slew read the sender's sources",
        )
    return found


def _asked(sender: Sender, obj_id: str, budget: Budget) -> Target | None:
    """The source at the sender (`GET /api/sources/<obj_id>`: `data.ra`, `data.dec`, degrees, ICRS)."""
    token = sender.token
    if not sender.url or token is None:
        return None
    redactor = redact.use(redact.Redactor([token.get_secret_value()]))
    url = f"{sender.url}/api/sources/{quote(obj_id, safe='')}"
    headers = {"Authorization": f"token {token.get_secret_value()}", "Accept": "application/json"}
    try:
        request = HttpRequest("GET", url, headers, untrusted=True)
        answer = Http(redactor).read(request, read_timeout=budget.left(_LOOK_UP_S))
        data = answer.json()["data"] if answer.status == 200 else None
    except (NoAnswer, Failed) as error:
        raise Refusal(
            503, f"the sender could not be asked for the position of {obj_id}: {error.reason}"
        ) from None
    except (NotJson, KeyError, TypeError):
        data = None
    return _target(obj_id, data) if isinstance(data, dict) else None


def _target(obj_id: str, data: dict[str, Any]) -> Target | None:
    position = {"name": obj_id, "ra": data.get("ra"), "dec": data.get("dec")}
    # A redshift that cannot be one must not take the position with it.
    for about in ({**position, "redshift": data.get("redshift")}, position):
        with suppress(ValidationError):
            return Target.model_validate(about)
    return None
