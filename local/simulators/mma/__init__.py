"""Receivers of observation plans (card mma.md): the HTTP one, and an SSH server that takes files."""

from local.simulators.mma.server import DEMO_TOKEN, SSH_PASSWORD, SSH_USER, MmaServer

__all__ = ["DEMO_TOKEN", "SSH_PASSWORD", "SSH_USER", "MmaServer"]
