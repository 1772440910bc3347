"""The one logger: Powertools' JSON lines, each passed through the current redactor."""

from __future__ import annotations

import json
import logging
from typing import Any

from aws_lambda_powertools import Logger

from slew import redact


def _serialize(record: dict[str, Any]) -> str:
    return redact.current.text(json.dumps(record, default=str, ensure_ascii=False))


class _Redacted(logging.Filter):
    """The text of an exception as any handler would show it, not only ours."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and not record.exc_text:
            record.exc_text = redact.current.text(_PLAIN.formatException(record.exc_info))
        return True


_PLAIN = logging.Formatter()
logger = Logger(json_serializer=_serialize, utc=True)
logger.addFilter(_Redacted())
