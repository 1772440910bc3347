"""The settings of the simulator."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Config:
    """How the service behaves; what is not known of the real one can be set.

    - `check_status`, `programme_status`: HTTP status of a failed check and of a wrong programme or key.
    - `visible_after_s`, `shown_after_deletion_s`: when the queue has noticed a new or a deleted schedule.
    - `observe_every_s`: the telescope attempts a row every so many seconds; None: only by `/_observe`.
    - `tables`: `columns` or `rows`, the shape of tables. `name_in_answer`: false leaves the name out.
    - `missing`: names of image files that the archive has lost.
    """

    check_status: int = 400
    programme_status: int = 401
    visible_after_s: float = 0.0
    shown_after_deletion_s: float = 0.0
    observe_every_s: float | None = None
    tables: str = "columns"
    name_in_answer: bool = True
    missing: tuple[str, ...] = ()
