"""The Swift XRT product builder (card swift_xrt.md): see `server`."""

from local.simulators.swift_xrt.accounts import OTHER_USER, UNSEEN, USER
from local.simulators.swift_xrt.server import SwiftXrtServer

__all__ = ["OTHER_USER", "UNSEEN", "USER", "SwiftXrtServer"]
