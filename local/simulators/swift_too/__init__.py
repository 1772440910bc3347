"""Swift's TOO service (card swift_too.md): see `server`."""

from local.simulators.swift_too.accounts import DEMO_SECRET, DEMO_USER, OTHER_SECRET, OTHER_USER
from local.simulators.swift_too.server import SwiftTooServer

__all__ = ["DEMO_SECRET", "DEMO_USER", "OTHER_SECRET", "OTHER_USER", "SwiftTooServer"]
