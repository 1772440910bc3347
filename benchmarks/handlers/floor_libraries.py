"""The second floor: the libraries that a facility cannot do without, imported, and its two clients, made.

`BaseModel` is named because `import pydantic` by itself loads next to nothing.
"""

import boto3
import requests  # noqa: F401
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from pydantic import BaseModel  # noqa: F401

logger = Logger()
metrics = Metrics()
app = APIGatewayHttpResolver()
dynamodb = boto3.client("dynamodb")
secretsmanager = boto3.client("secretsmanager")


def handler(_event: object, _context: object) -> dict[str, object]:
    """Answer at once."""
    return {}
