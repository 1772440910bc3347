"""PostgreSQL's ArrayField, which the portal's models use, kept in SQLite as a JSON list.

Loaded by Django in the portal's process, never by ours. It has to be installed before the models are.
"""

from typing import Any

import django.contrib.postgres.fields as postgres  # type: ignore[import-not-found]
from django.db.models import (  # type: ignore[import-not-found]
    Field,
    JSONField,
    Lookup,
    QuerySet,
)


class JsonArray(JSONField):  # type: ignore[misc]
    """A list of ``base_field`` values, with what the portal asks of ArrayField's interface."""

    def __init__(self, base_field: Field, size: int | None = None, **options: Any) -> None:
        self.base_field, self.size = base_field, size
        super().__init__(**options)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, positional, options = super().deconstruct()
        return name, path, positional, {**options, "base_field": self.base_field.clone(), "size": self.size}


class _Members(Lookup):  # type: ignore[misc]
    """Compares the members of the stored list with those asked for."""

    prepare_rhs = False
    condition: str

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        asked = list(self.rhs)
        column, parameters = self.process_lhs(compiler, connection)
        marks = ", ".join(["%s"] * len(asked))
        found = f"(SELECT COUNT(DISTINCT value) FROM json_each({column}) WHERE value IN ({marks}))"
        return f"{found} {self.condition.format(len(set(asked)))}", [*parameters, *asked]


@JsonArray.register_lookup
class Contains(_Members):
    """Every value asked for is in the list."""

    lookup_name = "contains"
    condition = ">= {}"


@JsonArray.register_lookup
class Overlap(_Members):
    """At least one value asked for is in the list."""

    lookup_name = "overlap"
    condition = ">= 1"


def install() -> None:
    """Put the array in PostgreSQL's place, and let SQLite intersect querysets of models with an ordering."""
    postgres.ArrayField = JsonArray
    intersect = QuerySet.intersection

    def unordered(self: Any, *others: Any) -> Any:
        # SQLite refuses ORDER BY in a part of a compound SELECT; Proposal.current_semester has two.
        return intersect(self.order_by(), *(other.order_by() for other in others))

    QuerySet.intersection = unordered
