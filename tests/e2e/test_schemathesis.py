"""The OpenAPI document against the running system: whatever fits it, or nearly, is answered as it says.

Schemathesis makes calls of every operation, sound ones and spoilt ones, from a fixed seed. An answer with a
server error, of a status, a content type or a form that the document does not have, is a failure. More
examples: SLEW_SCHEMATHESIS_EXAMPLES.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from local.stack import Stack
from tests.support import finished

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("schemathesis"), pytest.mark.timeout(1200)]
SEED = 20261122
EXAMPLES = int(os.environ.get("SLEW_SCHEMATHESIS_EXAMPLES") or 3)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with finished.stack(tmp_path_factory.mktemp("stack"), finished.facilities()) as stack:
        yield stack


@pytest.fixture(scope="module")
def operations(stack: Stack) -> list[Any]:
    """Every operation of the document that the stack has the facility of."""
    document = requests.get(f"{stack.url}/openapi.json", timeout=60).json()
    schema = schemathesis.openapi.from_dict(document)
    absent = {each.id for each in finished.facilities()} ^ {
        path.split("/")[2]
        for path in document["paths"]
        if path.startswith("/facilities/") and "{f" not in path
    }
    found: list[Any] = [each.ok() for each in schema.get_all_operations()]  # type: ignore[union-attr]
    return [each for each in found if each.path.split("/")[2:3] not in [[name] for name in absent]]


@pytest.mark.parametrize(
    "mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda each: each.value
)
def test_every_answer_is_as_the_document_says(
    stack: Stack, operations: list[Any], mode: GenerationMode
) -> None:
    assert len(operations) > 20
    broken = []
    for operation in operations:
        try:
            _try(stack, operation, mode)
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE  # a call without any parameter cannot be spoilt
        except Exception as error:
            groups = getattr(error, "exceptions", [error])
            broken.append("\n".join([operation.label, *(str(each)[:700] for each in groups)]))
    assert not broken, "\n\n".join([f"seed {SEED}", *broken])


def _try(stack: Stack, operation: Any, mode: GenerationMode) -> None:
    authorization = {"Authorization": f"Bearer {stack.token}"}

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        answer = case.call(base_url=stack.url, headers=authorization, timeout=60)
        case.validate_response(answer, checks=CHECKS)

    run()
