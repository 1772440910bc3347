"""CloudFormation's intrinsic functions, for those that templates of functions use.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

NO_VALUE = object()
Attribute = Callable[[str, str], Any]
VARIABLE = re.compile(r"\$\{([^${}]+)\}")


class TemplateError(Exception):
    """The template asks for something that the local stack does not know."""


class Resolver:
    """Resolves values against parameters, mappings, conditions and the resources' attributes."""

    def __init__(
        self,
        template: Mapping[str, Any],
        parameters: Mapping[str, str],
        ref: Callable[[str], Any],
        attribute: Attribute,
    ) -> None:
        """`parameters` holds the pseudo parameters too; `ref` and `attribute` answer for resources."""
        self._mappings = template.get("Mappings", {})
        self._conditions = template.get("Conditions", {})
        self._parameters = parameters
        self._ref = ref
        self._attribute = attribute

    def resolve(self, value: Any) -> Any:
        """The value with every intrinsic function evaluated. Raises TemplateError for an unknown one."""
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            if name in ("Ref", "Condition") or name.startswith("Fn::"):
                return self._evaluate(name, argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def condition(self, name: str) -> bool:
        """Whether the named condition holds."""
        return bool(self.resolve(self._conditions[name]))

    def ref(self, name: str) -> Any:
        """What `Ref` gives."""
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self._parameters:
            return self._parameters[name]
        return self._ref(name)

    def _evaluate(self, name: str, argument: Any) -> Any:
        if name == "Ref":
            return self.ref(argument)
        if name == "Condition":
            # The same key carries plain strings of IAM policies; those sit in resources that are not
            # resolved.
            return self.condition(argument)
        if name == "Fn::If":
            condition, yes, no = argument
            return self.resolve(yes if self.condition(condition) else no)
        evaluate = getattr(self, "_fn_" + name.removeprefix("Fn::").lower(), None)
        if evaluate is None:
            raise TemplateError(f"intrinsic function {name} is not known to the local stack")
        return evaluate(argument)

    def _fn_getatt(self, argument: Any) -> Any:
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        return self._attribute(name, attribute)

    def _fn_sub(self, argument: Any) -> str:
        text, variables = (argument, {}) if isinstance(argument, str) else argument

        def replace(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in variables:
                return str(self.resolve(variables[name]))
            return str(self._fn_getatt(name) if "." in name else self.ref(name))

        return VARIABLE.sub(replace, text)

    def _fn_join(self, argument: Any) -> str:
        separator, items = argument
        return str(separator).join(str(item) for item in self.resolve(items))

    def _fn_select(self, argument: Any) -> Any:
        index, items = argument
        return self.resolve(items)[int(self.resolve(index))]

    def _fn_split(self, argument: Any) -> list[str]:
        separator, text = argument
        return str(self.resolve(text)).split(separator)

    def _fn_findinmap(self, argument: Any) -> Any:
        mapping, first, second = map(self.resolve, argument)
        return self._mappings[mapping][first][second]

    def _fn_equals(self, argument: Any) -> bool:
        left, right = map(self.resolve, argument)
        return str(left) == str(right)

    def _fn_not(self, argument: Any) -> bool:
        return not self.resolve(argument[0])

    def _fn_and(self, argument: Any) -> bool:
        return all(map(self.resolve, argument))

    def _fn_or(self, argument: Any) -> bool:
        return any(map(self.resolve, argument))
