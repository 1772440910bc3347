"""What the LT simulator begins with: users, proposals, instruments (card: device table, Simulator)."""

from __future__ import annotations

from dataclasses import dataclass

USER, PASSWORD = "ltuser01", "correct-horse"
PROPOSAL, DATA_PASSWORD = "PL26A99", "data-of-pl26a99"


@dataclass(frozen=True)
class User:
    """An RTML user; `alias` is the LT's internal name, empty for none."""

    password: str
    alias: str = ""


@dataclass
class Proposal:
    """A Phase-2 proposal: members by internal name, hours left, the password of its data."""

    members: set[str]
    balance_h: float = 20.0
    data_password: str = DATA_PASSWORD


@dataclass(frozen=True)
class Instrument:
    """What the LT's configuration knows of an instrument.

    - `elements`: filters, or gratings where `gratings`.
    - `letter`: of its file names.
    """

    kind: str
    region: str
    elements: frozenset[str]
    letter: str
    gratings: bool = False
    binnings: frozenset[int] = frozenset({1, 2})
    unbinned: bool = False


def users() -> dict[str, User]:
    """By RTML user name."""
    return {
        USER: User(PASSWORD, f"LT/{USER}"),
        "ltuser02": User("battery-staple"),
        "ltuser": User("ltpass", "LT/ltuser"),
    }


def proposals() -> dict[str, Proposal]:
    """By proposal id."""
    return {
        PROPOSAL: Proposal({f"LT/{USER}"}),
        "PL26B01": Proposal({"LT/ltuser", f"LT/{USER}"}),
        "PL26A98": Proposal({f"LT/{USER}"}, balance_h=-1.2),
        "PL26A97": Proposal({"ltuser02"}),
    }


_SDSS = frozenset("UGRIZ")
_HALPHA = frozenset({"Halpha6566", "Halpha6634", "Halpha6705", "Halpha6755", "Halpha6822"})

INSTRUMENTS = {
    "IO:O": Instrument("camera", "optical", _SDSS | {"B", "V", "CN"} | _HALPHA, "h"),
    "LIRIC": Instrument("camera", "infrared", frozenset({"H", "FELH1500", "J", "R"}), "l", unbinned=True),
    "LOCI": Instrument("camera", "optical", _SDSS, "k"),
    "Moptop": Instrument("polarimeter", "optical", frozenset("BVRIL"), "3"),
    "Sprat": Instrument("spectrograph", "optical", frozenset({"blue", "red"}), "v", gratings=True),
    "FrodoSpec-Blue": Instrument("spectrograph", "optical", frozenset({"low", "high"}), "b", gratings=True),
    "FrodoSpec-Red": Instrument("spectrograph", "optical", frozenset({"low", "high"}), "r", gratings=True),
}
TYPES = {"camera": "ccd", "spectrograph": "spectrograph", "polarimeter": "polarimeter"}
"""What an instrument's type is called in the TEA's messages; an infrared camera is an `ircam`."""
