"""The one logger: Powertools' JSON lines, each passed through the current redactor."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools import Logger

from slew import redact


def _serialize(record: dict[str, Any]) -> str:
    return redact.current.text(json.dumps(record, default=str, ensure_ascii=False))


logger = Logger(json_serializer=_serialize, utc=True)
