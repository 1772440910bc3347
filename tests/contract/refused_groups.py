"""Refused for what the group, its proposal, its windows or its visibility says, or for the credentials."""

from __future__ import annotations

from datetime import timedelta

from tests.contract.answers import (
    INVISIBLE,
    IPP_RANGE,
    NO_SEMESTER,
    REQUIRED,
    REVERSED,
    Like,
    at_least,
    constraint,
    in_request,
    too_short,
    whole,
)
from tests.contract.refusal import Refusal
from tests.contract.spoiling import (
    ALL_CONSTRAINTS,
    ALL_EXPOSURES,
    ALL_TARGETS,
    FIRST_EXPOSURE,
    REQUEST_PATH,
    day,
    drop,
    put,
    second_request,
    together,
    unchanged,
    window,
)

CREDENTIALS = (
    Refusal(
        "no token",
        unchanged,
        {"detail": "Authentication credentials were not provided."},
        status=403,
        authorization=None,
    ),
    Refusal(
        "bad token",
        unchanged,
        {"detail": "Invalid token."},
        status=403,
        authorization="Token " + "0" * 40,
    ),
    Refusal(
        "Bearer in place of Token",
        unchanged,
        {"detail": "Authentication credentials were not provided."},
        status=403,
        authorization="Bearer {token}",
    ),
)

PROPOSALS = (
    Refusal(
        "unknown proposal",
        put("proposal", "NO_SUCH"),
        {"proposal": ['Invalid pk "NO_SUCH" - object does not exist.']},
    ),
    Refusal(
        "somebody else's proposal",
        put("proposal", "TEST_FOREIGN"),
        whole("You do not belong to the proposal you are trying to submit with"),
    ),
    Refusal(
        "inactive proposal",
        put("proposal", "TEST_INACTIVE"),
        whole("The proposal you are trying to submit with is currently inactive"),
    ),
    Refusal(
        "proposal without allocation on this instrument",
        put("proposal", "TEST_NOTIME"),
        whole(
            "You do not have sufficient NORMAL time allocated on the instrument you're requesting for this "
            "proposal."
        ),
    ),
    Refusal(
        "over-allocation: more than 2 h asked, 0.2 h allotted",
        together(put("proposal", "TEST_SMALL"), put(f"{ALL_EXPOSURES}.exposure_count", 12)),
        whole(Like(r"Proposal TEST_SMALL does not have enough NORMAL time allocated in semester \w+")),
    ),
    Refusal(
        "member's own time limit on the proposal (60 s)",
        put("proposal", "TEST_LIMITED"),
        whole("This request's duration will exceed the time limit set for your account on this proposal."),
    ),
    Refusal(
        "IPP 2 with too little IPP time",
        together(put("proposal", "TEST_SMALL"), put("ipp_value", 2.0)),
        whole(
            Like(
                r'TimeAllocationError\("An IPP Value of 2\.0 requires more IPP time than you have available '
                r"for 'NORMAL' Observation with the 1M0-SCICAM-SINISTRO \. Please lower your IPP Value to <= "
                r'1\.\d+ and submit again\."\)'
            )
        ),
    ),
)

GROUP = (
    Refusal("ipp_value 2.5", put("ipp_value", 2.5), IPP_RANGE),
    Refusal("ipp_value 0", put("ipp_value", 0), IPP_RANGE),
    Refusal("ipp_value absent", drop("ipp_value"), {"ipp_value": REQUIRED}),
    Refusal(
        "requestgroup name of 60 characters",
        put("name", "Z" * 60),
        {"name": ["Ensure this field has no more than 50 characters."]},
    ),
    Refusal("requestgroup name empty", put("name", ""), {"name": ["Please provide a name."]}),
    Refusal(
        "operator SINGLE with two requests",
        second_request,
        whole("'Single' type requestgroups must have exactly one child request."),
    ),
    Refusal(
        "operator MANY with one request",
        put("operator", "MANY"),
        whole("'Many' type requestgroups must have more than one child request."),
    ),
    Refusal(
        "observation_type unknown",
        put("observation_type", "URGENT"),
        {"observation_type": ['"URGENT" is not a valid choice.']},
    ),
    Refusal(
        "RAPID_RESPONSE, window today to a week from now",
        together(put("observation_type", "RAPID_RESPONSE"), window(lambda s: day(s, 0), lambda s: day(s, 7))),
        whole(
            "A Rapid Response observation must start within the next 24 hours, so the window end time must "
            "be within the next (24 hours + the observation duration)"
        ),
    ),
    Refusal(
        "RAPID_RESPONSE, window next week",
        put("observation_type", "RAPID_RESPONSE"),
        whole("The Rapid Response observation window start time cannot be in the future."),
    ),
    Refusal(
        "empty body {}",
        lambda body, scene: body.clear(),
        dict.fromkeys(
            ("requests", "name", "observation_type", "operator", "ipp_value", "proposal"), REQUIRED
        ),
    ),
    Refusal(
        "two faults, same layer: unknown proposal and airmass 0",
        together(put("proposal", "NO_SUCH"), put(f"{ALL_CONSTRAINTS}.max_airmass", 0)),
        constraint("max_airmass", at_least("1.0"))
        | {"proposal": ['Invalid pk "NO_SUCH" - object does not exist.']},
    ),
    Refusal(
        "two faults, two layers: somebody else's proposal (hidden) and airmass 0",
        together(put("proposal", "TEST_FOREIGN"), put(f"{ALL_CONSTRAINTS}.max_airmass", 0)),
        constraint("max_airmass", at_least("1.0")),
    ),
)

WINDOWS = (
    Refusal(
        "window in the past",
        window(lambda s: day(s, -14), lambda s: day(s, -7)),
        in_request({"windows": [{"end": ["Window end time must be in the future"]}]}),
    ),
    Refusal("window end before start", window(lambda s: day(s, 9), lambda s: day(s, 8)), REVERSED),
    Refusal("window start and end the same", window(lambda s: day(s, 7), lambda s: day(s, 7)), REVERSED),
    Refusal(
        "no windows",
        put(f"{REQUEST_PATH}.windows", []),
        in_request({"windows": ["You must specify at least 1 window"]}),
    ),
    Refusal(
        "window across the semester's end",
        window(lambda s: s.semester_end - timedelta(days=3), lambda s: s.semester_end + timedelta(days=3)),
        NO_SEMESTER,
    ),
    Refusal(
        "window beyond every semester",
        window(lambda s: day(s, 3650), lambda s: day(s, 3657)),
        NO_SEMESTER,
    ),
    Refusal(
        "window not a date",
        put(f"{REQUEST_PATH}.windows.0.start", "tonight"),
        in_request(
            {
                "windows": [
                    {
                        "start": [
                            "Datetime has wrong format. Use one of these formats instead: "
                            "YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
                        ]
                    }
                ]
            }
        ),
    ),
)

VISIBILITY = (
    Refusal("max_airmass 1", put(f"{ALL_CONSTRAINTS}.max_airmass", 1.0), INVISIBLE),
    Refusal("min_lunar_distance 180", put(f"{ALL_CONSTRAINTS}.min_lunar_distance", 180), INVISIBLE),
    Refusal(
        "max_airmass 1.05 for a target that never gets there (dec +60 at SOAR)",
        together(put(f"{ALL_CONSTRAINTS}.max_airmass", 1.05), put(f"{ALL_TARGETS}.dec", 60.0)),
        INVISIBLE,
        "soar",
    ),
    Refusal(
        "target not visible (behind the Sun)",
        put(f"{ALL_TARGETS}.ra", lambda scene: (scene.ra + 180) % 360),
        INVISIBLE,
    ),
    Refusal("target not visible (dec +89 at SOAR)", put(f"{ALL_TARGETS}.dec", 89.0), INVISIBLE, "soar"),
    Refusal(
        "exposure too long: 12 h in one exposure",
        put(f"{FIRST_EXPOSURE}.exposure_time", 43200.0),
        too_short(r"12\.\d+"),
    ),
    Refusal(
        "exposures too many: 300 s x 500",
        put(f"{FIRST_EXPOSURE}.exposure_count", 500),
        too_short(r"45\.\d+"),
    ),
)

GROUPS = (*CREDENTIALS, *PROPOSALS, *GROUP, *WINDOWS, *VISIBILITY)
