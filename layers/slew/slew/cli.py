"""`python -m slew.cli`, for an operator whose AWS credentials may write the table.

`token`: make a token without the API, as the first one of a deployment must be made; it goes to standard
output, once. `restore`: put back what the table has lost.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from slew import restoring, tokens
from slew.errors import Invalid
from slew.principals import Role


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked; 0 if it was done, 1 if AWS did not let us, 2 for arguments that are not right."""
    parser = argparse.ArgumentParser(prog="slew.cli", description="Slew's operator commands")
    commands = parser.add_subparsers(required=True, dest="command")
    token = commands.add_parser("token", help="make a bearer token")
    token.add_argument("--table", required=True, help="the stack's output TableName")
    token.add_argument("--name", required=True, help="whose it is, or what for")
    token.add_argument("--role", default="admin", choices=[role.name.lower() for role in Role])
    token.add_argument("--group", action="append", default=[], help="a group it is good for; may be repeated")
    token.add_argument("--days", type=float, default=365, help="until it expires")
    restore = commands.add_parser("restore", help="copy what is missing from a restored table")
    restore.add_argument("--table", required=True, help="the stack's output TableName")
    restore.add_argument("--from", required=True, dest="source", help="the restored table")
    for command in (token, restore):
        command.add_argument("--endpoint-url", help="another DynamoDB than the region's: the local stack's")
        command.add_argument("--region", help="the stack's region; default: that of the AWS configuration")
    given = parser.parse_args(arguments)
    try:
        client = boto3.client("dynamodb", region_name=given.region, endpoint_url=given.endpoint_url)
        if given.command == "restore":
            copied = restoring.copy_missing(client, given.source, given.table)
            told = [f"{kind}: {count}" for kind, count in sorted(copied.items()) if count]
            print("\n".join(told) or "nothing was missing")
            return 0
        made = tokens.issue(
            client, given.table, name=given.name, role=given.role, groups=given.group, days=given.days
        )
    except Invalid as error:
        print(error.detail, file=sys.stderr)
        return 2
    except NoRegionError:
        print("no AWS region is configured: give --region", file=sys.stderr)
        return 2
    except (BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1
    print(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
