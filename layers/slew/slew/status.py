"""The statuses of a request (design: Status)."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where a request stands."""

    PENDING = "pending"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    IN_PROGRESS = "in_progress"
    COMPLETE = "complete"
    REJECTED = "rejected"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


AT_FACILITY = frozenset({Status.SUBMITTED, Status.IN_PROGRESS})
"""The facility has it, and it has not ended."""

LIVE = AT_FACILITY | {Status.PENDING, Status.SUBMITTING, Status.UNKNOWN}
"""It may still come to an observation."""

ENDED = frozenset(Status) - LIVE
"""Nothing more is expected of it."""

COUNTED = LIVE | {Status.COMPLETE}
"""It has been observed or still may be: it counts for constraints, and has its share of exposure hours."""

RESUBMITTABLE = frozenset({Status.REJECTED, Status.FAILED, Status.UNKNOWN})
"""`resubmit` is for these (`unknown` only when a person confirms that the facility has it not)."""

ANNOUNCED_BY_DEFAULT = tuple(
    status.value for status in Status if status not in (Status.PENDING, Status.SUBMITTING)
)
"""`notify.on` where an allocation does not say.

Every status except those in which nothing has reached the facility.
"""

NO_STATUS = "status: not available at this facility"
"""What is said of a request of which the facility tells nothing, rather than guess."""
