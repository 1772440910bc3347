"""What the two databases and the archive hold at first."""

from __future__ import annotations

from local.simulators.gemini.database import ON_HOLD, READY, Database, Observation, Programme

EMAIL = "too-robot@example.org"
STRANGER = "stranger@example.org"
NORTH_KEY, SOUTH_KEY, STRANGER_KEY = "a1b2c3d4", "zz9q8w7e", "str4ng3r"
NORTH, SOUTH = "GN-2026B-Q-110", "GS-2026B-Q-203"
INACTIVE, FOREIGN = "GN-2026B-Q-111", "GN-2026B-Q-112"
ARCHIVE_USER, ARCHIVE_PASSWORD, ARCHIVE_SESSION = "observer1", "archive-secret", "session-0123456789abcdef"


def north() -> Database:
    """Gemini North: a rapid programme, an inactive one, and one of somebody else's."""
    rapid = _programme(
        NORTH,
        "Early spectra of fast transients",
        "Rapid",
        [
            (20, "Standard star", "GMOS-N", READY),
            (21, "ToO R150", "GMOS-N", ON_HOLD),
            (22, "ToO imaging", "GMOS-N", ON_HOLD),
            (23, "ToO near infrared", "GNIRS", ON_HOLD),
        ],
        last=39,
    )
    templates = [(1, "ToO R150", "GMOS-N", ON_HOLD)]
    inactive = _programme(INACTIVE, "Last year's", "Rapid", templates, active=False)
    foreign = _programme(FOREIGN, "Others'", "Rapid", templates, members=(STRANGER,))
    programmes = {each.id: each for each in (rapid, inactive, foreign)}
    return Database(programmes, {EMAIL: NORTH_KEY, STRANGER: STRANGER_KEY})


def south() -> Database:
    """Gemini South: a standard programme."""
    templates = [(4, "ToO spectrum", "GMOS-S", ON_HOLD), (5, "ToO infrared", "FLAMINGOS-2", ON_HOLD)]
    standard = _programme(SOUTH, "Transients of the southern sky", "Standard", templates, last=11)
    return Database({standard.id: standard}, {EMAIL: SOUTH_KEY})


def _programme(
    name: str,
    title: str,
    too: str,
    templates: list[tuple[int, str, str, str]],
    *,
    last: int = 0,
    active: bool = True,
    members: tuple[str, ...] = (EMAIL,),
) -> Programme:
    programme = Programme(name, title, too, frozenset(members), {}, active=active)
    for number, template, instrument, status in templates:
        programme.add(Observation(number, template, instrument, status))
    programme.last_number = max(programme.last_number, last)
    return programme
