"""SOAR's class beside a running simulator of its portal and archive, whose clock stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local.simulators.observation_portal.app import SOAR_PROPOSAL, SoarPortal
from slew import portal_listing
from slew.facility import Order, Submission
from tests.integration.lco_bench import Bench
from tests.integration.lco_simulator import RECORDED, RECORDED_SCENE, StoppedClock
from tests.soar_orders import FACILITY, order

JSON = dict[str, Any]
NOT_VISIBLE = "the target will not be visible within the time window"


class SoarBench(Bench):
    """The simulator, and one allocation's way to it."""

    def order(self, instrument: str = "ghts", payload: JSON | None = None, **changes: Any) -> Order[Any, Any]:
        """An order that the portal accepts, made now."""
        scene = RECORDED_SCENE
        window = {"start_date": scene.start.isoformat(), "end_date": scene.end.isoformat()}
        altdata = {
            "PROPOSAL_ID": changes.pop("proposal", SOAR_PROPOSAL),
            "API_TOKEN": changes.pop("token", self.token),
        }
        return order(
            instrument,
            {"exposure_time": 60.0, **window, **(payload or {})},
            target={"name": "ZTF26aaaaaaa", "ra": scene.ra, "dec": changes.pop("dec", scene.dec)},
            altdata=altdata,
            now=self.server.clock.now(),
            **{"request_id": f"{next(self._ids):024x}", **changes},
        )

    def submit(self, wanted: Order[Any, Any]) -> Submission:
        """Prepare and submit."""
        return FACILITY.submit(wanted, FACILITY.prepare(wanted, self.link), self.link)


@contextmanager
def simulator() -> Iterator[SoarPortal]:
    """The simulator, at a moment of one semester; requests move only by hand."""
    running = SoarPortal(StoppedClock(), semesters="real", auto_progress=False)
    running.start()
    yield running
    running.stop()


def fresh_bench(server: SoarPortal, monkeypatch: pytest.MonkeyPatch) -> SoarBench:
    """The simulator with nothing in it, at its first moment, and where SOAR's class looks for it."""
    server.reset()
    server.clock.advance(RECORDED.timestamp() - server.clock.time())
    monkeypatch.setenv("SLEW_SOAR_URL", server.url)
    monkeypatch.setenv("SLEW_SOAR_ARCHIVE_URL", server.extra_urls()["archive"])
    portal_listing.forget()
    return SoarBench(server)
