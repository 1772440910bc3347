"""Which errors of AWS pass by themselves."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from slew import aws


def error(code: str, status: int = 400, reasons: tuple[str, ...] = ()) -> ClientError:
    answer: Any = {
        "Error": {"Code": code},
        "ResponseMetadata": {"HTTPStatusCode": status},
        "CancellationReasons": [{"Code": reason} for reason in reasons],
    }
    return ClientError(answer, "Operation")


@pytest.mark.parametrize(
    ("failure", "passes"),
    [
        (error("SlowDown", 503), True),
        (error("InternalServerError", 500), True),
        (error("ThrottlingException"), True),
        (error("TransactionCanceledException", reasons=("None", "ThrottlingError")), True),
        (error("TransactionCanceledException", reasons=("TransactionConflict", "ThrottlingError")), True),
        (error("TransactionCanceledException", reasons=("ConditionalCheckFailed", "ThrottlingError")), False),
        (error("ConditionalCheckFailedException"), False),
        (error("AccessDeniedException"), False),
        (error("LimitExceededException"), False),
        (EndpointConnectionError(endpoint_url="https://dynamodb"), True),
        (ReadTimeoutError(endpoint_url="https://dynamodb"), True),
        (ValueError("a defect"), False),
    ],
)
def test_what_passes_by_itself(failure: Exception, passes: bool) -> None:
    assert (aws.unavailable(failure) is not None) is passes
