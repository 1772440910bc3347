"""What each function's role may do, read from the transformed template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ACCOUNT = {
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
    "AWS::StackName": "slew",
    "AWS::URLSuffix": "amazonaws.com",
}


@dataclass(frozen=True)
class Grant:
    """One action on one resource. `where`: logical id of the policy or role, and the statement's `Sid`."""

    role: str
    where: str
    effect: str
    action: str
    resource: str
    condition: Mapping[str, Any]


def of_resources(resources: Mapping[str, Any]) -> list[Grant]:
    """Every grant of every role, inline, by a managed policy of ours, or by AWS's managed ones.

    The last come with the ARN of the policy for an action and `*` for a resource.
    """
    found: list[Grant] = []
    for name, resource in resources.items():
        if resource["Type"] != "AWS::IAM::Role":
            continue
        properties = resource["Properties"]
        for policy in properties.get("Policies", []):
            found += _of_document(name, name, policy["PolicyDocument"])
        for arn in properties.get("ManagedPolicyArns", []):
            own = arn.get("Ref", "") if isinstance(arn, Mapping) else ""
            if own in resources:
                found += _of_document(name, own, resources[own]["Properties"]["PolicyDocument"])
            else:
                found.append(Grant(name, "aws", "Allow", text(arn), "*", {}))
    return found


def text(value: Any) -> str:
    """An intrinsic function as a text: `${Table.Arn}` stands for what is known only once it is deployed."""
    if isinstance(value, str):
        return value
    if "Ref" in value:
        return ACCOUNT.get(value["Ref"], f"${{{value['Ref']}}}")
    if "Fn::GetAtt" in value:
        return f"${{{'.'.join(value['Fn::GetAtt'])}}}"
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return str(separator).join(map(text, parts))
    template, given = value["Fn::Sub"], {}
    if isinstance(template, list):
        template, given = template
    for name, known in {**ACCOUNT, **{name: text(each) for name, each in given.items()}}.items():
        template = template.replace(f"${{{name}}}", known)
    return str(template)


def _of_document(role: str, where: str, document: Mapping[str, Any]) -> Iterator[Grant]:
    for each in document["Statement"]:
        statement = each["Fn::If"][1] if "Fn::If" in each else each
        assert "NotAction" not in statement, (where, statement)
        assert "NotResource" not in statement, (where, statement)
        for action in _listed(statement["Action"]):
            for resource in _listed(statement["Resource"]):
                place = f"{where}.{statement.get('Sid', '')}"
                yield Grant(
                    role, place, statement["Effect"], action, text(resource), statement.get("Condition", {})
                )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
