"""Gemini's observing databases and archive (card gemini.md, Simulator): see `server`."""

from local.simulators.gemini.seed import (
    ARCHIVE_PASSWORD,
    ARCHIVE_SESSION,
    ARCHIVE_USER,
    EMAIL,
    NORTH,
    NORTH_KEY,
    SOUTH,
    SOUTH_KEY,
)
from local.simulators.gemini.server import GeminiServer

__all__ = [
    "ARCHIVE_PASSWORD",
    "ARCHIVE_SESSION",
    "ARCHIVE_USER",
    "EMAIL",
    "NORTH",
    "NORTH_KEY",
    "SOUTH",
    "SOUTH_KEY",
    "GeminiServer",
]
