"""Who may use the service: accounts, and programmes with their limits."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from local.simulators.base import JSON

USER, PASSWORD = "observer@example.org", "s3cr3t"
PROGRAMME, KEY = "2026B001", "9f3c2b7e"
TIGHT_PROGRAMME, TIGHT_KEY = "2026B002", "1a2b3c4d"


@dataclass
class Programme:
    """A programme; dates are inclusive of `startdate` 00:00 and end at `enddate` 00:00, UTC."""

    progname: str
    prog_key: str
    puid: int = 17
    progid: int = 3
    pi_name: str = "PIName"
    pi_email: str = "pi@example.org"
    startdate: str = "2000-01-01 00:00:00"
    enddate: str = "2200-01-01 00:00:00"
    hours_allocated: float = 40.0
    hours_used: float = 0.0
    maxpriority: float = 100.0
    progtitle: str = "Infrared follow-up of transients"

    def shown(self) -> JSON:
        """What `/validation/program` tells of it."""
        return asdict(self)


def seeded() -> dict[str, Programme]:
    """An ample programme, and one with little time left and a low largest priority."""
    ample = Programme(PROGRAMME, KEY)
    tight = Programme(
        TIGHT_PROGRAMME, TIGHT_KEY, puid=18, hours_allocated=1.2, hours_used=1.0, maxpriority=60.0
    )
    return {ample.progname: ample, tight.progname: tight}
