"""What is kept of a SkyPortal's triggers goes some day, where records do."""

from __future__ import annotations

from typing import Any

import pytest

from skyportal import ledger
from slew import config
from slew.models import Target


@pytest.mark.parametrize("days", ["30", "0"])
def test_what_is_kept_of_triggers_is_removed_where_requests_are(
    embedded_aws: Any, monkeypatch: pytest.MonkeyPatch, days: str
) -> None:
    monkeypatch.setenv("SLEW_RECORD_RETENTION_DAYS", days)
    ledger.note("s", 7, "SN", ledger.Entry("r1", "toy", 1, "", 0.0), None)
    ledger.tell("s", "SN", Target(name="SN", ra=1, dec=1))
    items = embedded_aws("dynamodb").scan(TableName=config.table())["Items"]
    assert sorted(item["sk"]["S"] for item in items) == ["OBJECT#7#SN", "REQUEST#r1", "TARGET#SN"]
    assert {"expires_at" in item for item in items} == {days == "30"}
