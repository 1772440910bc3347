"""Which request an error answer has to name, read from as much of the body as can be read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from skyportal import ledger
from slew import http_api
from slew.errors import Problem
from slew.fields import Line
from slew.log import logger


class _Named(BaseModel):
    """Of a trigger that may be wrong otherwise; a number passes as text too."""

    model_config = ConfigDict(extra="ignore")

    obj_id: Line
    allocation_id: int


def request_id(sender: str, event: Mapping[str, Any]) -> str | None:
    """The newest request for the object and the allocation that a body names; None where it names none.

    What goes wrong here must not take the place of what the sender is to be told.
    """
    try:
        named = _Named.model_validate(json.loads(http_api.body_text(event)))
        entry = ledger.newest(sender, named.allocation_id, named.obj_id)
    except (Problem, ValidationError, ValueError, RecursionError):
        return None
    except Exception as error:
        logger.warning("the request of an error answer could not be looked up", exc_info=error)
        return None
    return entry.request_id if entry else None
