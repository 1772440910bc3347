"""What the stack is made of, read from a SAM template.

The template is expanded by AWS's own translator (aws-sam-translator), and its resources are read into
dataclasses. Names and ARNs are computed, not asked for: a resource is called by its own name, or by the
stack's name and its logical id. A resource type that is neither known nor on the list of ignored ones is an
error, so that nothing that matters is left out in silence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.intrinsics import Resolver, TemplateError
from local.system import (
    ACCOUNT,
    REGION,
    Function,
    Queue,
    QueueMapping,
    Route,
    Schedule,
    StreamMapping,
    Subscription,
    System,
    Table,
    arn,
)

STACK_NAME = "slew"

# What has no part in how the system behaves on one machine. (No IAM: policies are not enforced here.)
IGNORED = frozenset(
    {
        "AWS::ApiGatewayV2::Stage",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::CompositeAlarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::Lambda::Permission",
        "AWS::Logs::LogGroup",
        "AWS::Logs::MetricFilter",
        "AWS::S3::BucketPolicy",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::QueuePolicy",
    }
)
ARNS = {  # type -> service, and what precedes the name
    "AWS::DynamoDB::Table": ("dynamodb", "table/"),
    "AWS::IAM::Role": ("iam", "role/"),
    "AWS::Lambda::Function": ("lambda", "function:"),
    "AWS::SNS::Topic": ("sns", ""),
    "AWS::SQS::Queue": ("sqs", ""),
}
ARN_AS_REF = frozenset({"AWS::Lambda::Alias", "AWS::Lambda::Version", "AWS::SNS::Topic"})
GENERATED_NAMES = frozenset({"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::SQS::Queue"})
NAMES = {  # type -> the property that names the resource
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Lambda::Alias": "Name",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
}
KNOWN = frozenset(
    {
        *NAMES,
        "AWS::ApiGatewayV2::Api",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Function",
        "AWS::Lambda::LayerVersion",
        "AWS::Lambda::Version",
        "AWS::SNS::Subscription",
        "AWS::Scheduler::Schedule",
    }
)
CREATE_TABLE = (
    "AttributeDefinitions",
    "KeySchema",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
    "BillingMode",
)
QUEUE_KEYS_LEFT_OUT = frozenset({"QueueName", "Tags", "SqsManagedSseEnabled", "KmsMasterKeyId"})
# The last two of each only shape how records gather into batches, or how many batches run at once.
MAPPING_PROPERTIES = {"BatchSize", "Tags", "MaximumBatchingWindowInSeconds", "ScalingConfig"}
STREAM_PROPERTIES = {
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "FilterCriteria",
    "MaximumRetryAttempts",
    "StartingPosition",
    "MaximumRecordAgeInSeconds",
    "ParallelizationFactor",
}
TTL = "authorizerResultTtlInSeconds"


def parse(path: Path) -> dict[str, Any]:
    """The template as it is written, with CloudFormation's short forms spelled out."""
    from samtranslator.yaml_helper import yaml_parse  # half a second, which processes without a template save

    source: dict[str, Any] = yaml_parse(path.read_text())  # type: ignore[no-untyped-call]
    return source


def load(path: Path, parameters: Mapping[str, str], endpoint: str) -> System:
    """Read a template. `endpoint` is the embedded AWS's URL, which queues' URLs begin with.

    Raises TemplateError for what the local stack does not know, and the translator's own errors.
    """
    source = parse(path)
    values = parameter_values(source, parameters)
    return _Reader(path.parent, expand(source, values), values, endpoint).system()


def parameter_values(source: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """The parameters with their defaults. Raises TemplateError for an unknown or a missing one."""
    declared = source.get("Parameters", {})
    if unknown := given.keys() - declared.keys():
        raise TemplateError(f"the template has no parameter {', '.join(sorted(unknown))}")
    values = {name: str(given.get(name, about.get("Default", ""))) for name, about in declared.items()}
    if missing := [name for name, about in declared.items() if "Default" not in about and name not in given]:
        raise TemplateError(f"parameter without a value: {', '.join(missing)}")
    return values


def expand(source: dict[str, Any], parameters: Mapping[str, str]) -> dict[str, Any]:
    """The SAM template as plain CloudFormation; local code paths come out as `S3Key`."""
    import boto3
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator
    from samtranslator.utils.py27hash_fix import (
        to_py27_compatible_template,
        undo_mark_unicode_str_in_template,
    )

    _stage(source.get("Globals", {}).get("Function", {}), "CodeUri")
    for resource in source["Resources"].values():
        for key in ("CodeUri", "ContentUri"):
            _stage(resource.get("Properties", {}), key)
    values = dict(parameters)
    to_py27_compatible_template(source, values)
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION))
    return dict(undo_mark_unicode_str_in_template(translator.translate(source, values)))


def _stage(properties: dict[str, Any], key: str) -> None:
    # The translator takes only code that has been uploaded: the path goes in as an S3 key, and comes out as
    # one.
    if isinstance(properties.get(key), str):
        properties[key] = f"s3://local/{properties[key]}"


class _Reader:
    """Reads the dataclasses out of an expanded template."""

    def __init__(
        self, root: Path, template: dict[str, Any], parameters: Mapping[str, str], endpoint: str
    ) -> None:
        self._root = root.resolve()
        self._parameters = parameters
        self._endpoint = endpoint.rstrip("/")
        pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::StackName": STACK_NAME,
            "AWS::StackId": arn("cloudformation", f"stack/{STACK_NAME}/local"),
            "AWS::URLSuffix": "amazonaws.com",
        }
        self._resolver = Resolver(template, {**parameters, **pseudo}, self._ref, self._attribute)
        self._resources: dict[str, dict[str, Any]] = {
            name: resource
            for name, resource in template["Resources"].items()
            if "Condition" not in resource or self._resolver.condition(resource["Condition"])
        }

    def system(self) -> System:
        for name, resource in self._resources.items():
            if resource["Type"] not in KNOWN | IGNORED:
                raise TemplateError(f"{name}: the local stack does not know {resource['Type']}")
        mappings = [self._mapping(name) for name in self._of_type("AWS::Lambda::EventSourceMapping")]
        return System(
            functions=tuple(map(self._function, self._of_type("AWS::Lambda::Function"))),
            routes=tuple(
                route for api in self._of_type("AWS::ApiGatewayV2::Api") for route in self._routes(api)
            ),
            schedules=tuple(map(self._schedule, self._of_type("AWS::Scheduler::Schedule"))),
            streams=tuple(mapping for mapping in mappings if isinstance(mapping, StreamMapping)),
            queue_mappings=tuple(mapping for mapping in mappings if isinstance(mapping, QueueMapping)),
            tables=tuple(map(self._table, self._of_type("AWS::DynamoDB::Table"))),
            topics=tuple(map(self._name, self._of_type("AWS::SNS::Topic"))),
            queues=tuple(map(self._queue, self._of_type("AWS::SQS::Queue"))),
            subscriptions=tuple(map(self._subscription, self._of_type("AWS::SNS::Subscription"))),
            buckets=tuple(map(self._name, self._of_type("AWS::S3::Bucket"))),
            parameters=self._parameters,
        )

    # -- what Ref and GetAtt give

    def _ref(self, name: str) -> str:
        kind = self._type(name)
        if kind in ARN_AS_REF:
            return self._arn(name)
        if kind == "AWS::SQS::Queue":
            return f"{self._endpoint}/{ACCOUNT}/{self._name(name)}"
        return self._name(name)

    def _attribute(self, name: str, attribute: str) -> str:
        kind = self._type(name)
        if attribute in ("Arn", "TopicArn"):
            return self._arn(name)
        if attribute in ("QueueName", "TopicName"):
            return self._name(name)
        if (kind, attribute) == ("AWS::SQS::Queue", "QueueUrl"):
            return self._ref(name)
        if (kind, attribute) == ("AWS::DynamoDB::Table", "StreamArn"):
            return self._arn(name) + "/stream/local"
        if (kind, attribute) == ("AWS::Lambda::Version", "Version"):
            return "1"
        raise TemplateError(f"the local stack does not know the attribute {attribute} of {name} ({kind})")

    def _arn(self, name: str) -> str:
        kind, own = self._type(name), self._name(name)
        if kind in ("AWS::Lambda::Alias", "AWS::Lambda::Version"):
            function = function_name(str(self._properties(name)["FunctionName"]))
            return arn("lambda", f"function:{function}:{own if kind.endswith('Alias') else '1'}")
        if kind == "AWS::S3::Bucket":
            return f"arn:aws:s3:::{own}"
        if kind not in ARNS:
            raise TemplateError(f"the local stack does not know the ARN of {name} ({kind})")
        service, prefix = ARNS[kind]
        return arn(service, prefix + own)

    def _name(self, name: str) -> str:
        """The resource's own name."""
        kind = self._type(name)
        key = NAMES.get(kind)
        given = self._resources[name].get("Properties", {}).get(key) if key else None
        if given is not None:
            return str(self._resolver.resolve(given))
        if kind in GENERATED_NAMES:
            generated = f"{STACK_NAME}-{name}"
            return generated.lower() if kind == "AWS::S3::Bucket" else generated
        return name

    def _type(self, name: str) -> str:
        if name not in self._resources:
            raise TemplateError(f"the template has no resource {name}")
        return str(self._resources[name]["Type"])

    def _of_type(self, kind: str) -> list[str]:
        return [name for name, resource in self._resources.items() if resource["Type"] == kind]

    def _properties(self, name: str) -> dict[str, Any]:
        return dict(self._resolver.resolve(self._resources[name].get("Properties", {})))

    # -- the resources

    def _function(self, name: str) -> Function:
        properties = self._properties(name)
        variables = properties.get("Environment", {}).get("Variables", {})
        return Function(
            name=name,
            handler=properties["Handler"],
            code=self._root / properties["Code"]["S3Key"],
            layers=tuple(self._layer(layer) for layer in properties.get("Layers", [])),
            timeout_s=float(properties.get("Timeout", 3)),
            memory_mb=int(properties.get("MemorySize", 128)),
            environment={key: str(value) for key, value in variables.items()},
            reserved_concurrency=properties.get("ReservedConcurrentExecutions"),
            runtime=properties["Runtime"],
        )

    def _layer(self, name: str) -> Path:
        content = self._root / str(self._properties(name)["Content"]["S3Key"])
        return content / "python" if (content / "python").is_dir() else content

    def _routes(self, name: str) -> list[Route]:
        body = self._properties(name)["Body"]
        if "x-amazon-apigateway-cors" in body:
            raise TemplateError(f"{name}: the local gateway does not answer CORS preflights")
        schemes = body.get("components", {}).get("securitySchemes", {})
        authorizers = {scheme: _authorizer(scheme, about) for scheme, about in schemes.items()}
        routes = []
        for path, operations in body["paths"].items():
            for key, operation in operations.items():
                method = "ANY" if key == "x-amazon-apigateway-any-method" else key.upper()
                function = function_name(operation["x-amazon-apigateway-integration"]["uri"])
                security = [
                    scheme for item in operation.get("security", []) for scheme in item if scheme != "NONE"
                ]
                authorizer = authorizers[security[0]] if security else None
                catch_all = operation.get("isDefaultRoute", False)
                routes.append(Route(method, "$default" if catch_all else path, function, authorizer))
        return routes

    def _schedule(self, name: str) -> Schedule:
        properties = self._properties(name)
        if (
            properties.get("ScheduleExpressionTimezone", "UTC") != "UTC"
            or properties.get("State") == "DISABLED"
        ):
            raise TemplateError(f"{name}: the local stack runs enabled schedules in UTC only")
        target = properties["Target"]
        expression = properties["ScheduleExpression"]
        return Schedule(name, expression, function_name(target["Arn"]), target.get("Input", "{}"))

    def _mapping(self, name: str) -> StreamMapping | QueueMapping:
        properties = self._properties(name)
        source: str = properties.pop("EventSourceArn")
        function = function_name(properties.pop("FunctionName"))
        report = "ReportBatchItemFailures" in properties.pop("FunctionResponseTypes", [])
        is_stream = source.startswith(arn("dynamodb", ""))
        if unknown := properties.keys() - MAPPING_PROPERTIES - (STREAM_PROPERTIES if is_stream else set()):
            raise TemplateError(f"{name}: the local stack does not know {', '.join(sorted(unknown))}")
        if not is_stream:
            return QueueMapping(function, source.rpartition(":")[2], properties.get("BatchSize", 10), report)
        filters = properties.get("FilterCriteria", {}).get("Filters", [])
        return StreamMapping(
            function=function,
            table=source.split("/")[1],
            batch_size=properties.get("BatchSize", 100),
            patterns=tuple(json.loads(item["Pattern"]) for item in filters),
            report_failures=report,
            bisect=properties.get("BisectBatchOnFunctionError", False),
            max_retries=properties.get("MaximumRetryAttempts", -1),
            on_failure=properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"),
        )

    def _table(self, name: str) -> Table:
        properties = self._properties(name)
        definition = {key: properties[key] for key in CREATE_TABLE if key in properties}
        if stream := properties.get("StreamSpecification"):
            definition["StreamSpecification"] = {"StreamEnabled": True, **stream}
        ttl = properties.get("TimeToLiveSpecification", {})
        return Table(self._name(name), definition, ttl.get("AttributeName") if ttl.get("Enabled") else None)

    def _queue(self, name: str) -> Queue:
        properties = self._properties(name)
        attributes = {
            key: json.dumps(value) if isinstance(value, dict) else str(value)
            for key, value in properties.items()
            if key not in QUEUE_KEYS_LEFT_OUT
        }
        return Queue(self._name(name), attributes)

    def _subscription(self, name: str) -> Subscription:
        properties = self._properties(name)
        if properties["Protocol"] != "sqs":
            raise TemplateError(f"{name}: topics deliver to queues only on the local stack")
        attributes: dict[str, str] = {
            key: json.dumps(properties[key])
            if isinstance(properties[key], dict | bool)
            else str(properties[key])
            for key in ("RawMessageDelivery", "FilterPolicy", "FilterPolicyScope")
            if key in properties
        }
        return Subscription(properties["TopicArn"], properties["Endpoint"], attributes)


def _authorizer(name: str, scheme: Mapping[str, Any]) -> str:
    about = scheme.get("x-amazon-apigateway-authorizer", {})
    simple = about.get("authorizerPayloadFormatVersion") == "2.0" and about.get("enableSimpleResponses")
    if about.get("type") != "request" or not simple or about.get("identitySource") or about.get(TTL):
        raise TemplateError(
            f"authorizer {name}: the local gateway knows Lambda authorizers without cache only"
        )
    return function_name(about["authorizerUri"])


def function_name(arn: str) -> str:
    """The function in a function's ARN, an alias's, or an invocation URI."""
    found = re.search(r":function:([^:/]+)", arn)
    return found[1] if found else arn
