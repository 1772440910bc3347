"""An entry of the tables in ``refusals``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.contract.bodies import Base
from tests.contract.spoiling import Spoil


@dataclass(frozen=True)
class Refusal:
    """A body that is refused: ``error`` is submit's JSON and, if ``status`` is 400, validate's ``errors``.

    ``authorization`` is the header's text, with ``{token}`` for the member's token; None for no header.
    """

    name: str
    spoil: Spoil
    error: Any
    base: Base = "sinistro"
    status: int = 400
    authorization: str | None = "Token {token}"


@dataclass(frozen=True)
class Acceptance:
    """A body that looks wrong and gets 201."""

    name: str
    spoil: Spoil
    base: Base = "sinistro"


@dataclass(frozen=True)
class WireRefusal:
    """A call refused for its form. ``content`` None: an acceptable body as JSON."""

    name: str
    status: int
    error: Any
    content: bytes | None = None
    content_type: str = "application/json"
    method: str = "POST"
    path: str = "/api/requestgroups/"
