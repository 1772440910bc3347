"""The facility catalogue, made from the facilities' classes: what `GET /facilities` serves."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from slew.facility import Facility

FUNCTIONS = Path(__file__).parent.parent / "functions"


def facilities() -> list[Facility]:
    """An instance of each facility that has a folder, by id."""
    found = []
    for folder in sorted(path.parent.name for path in FUNCTIONS.glob("*/facility.py")):
        module = importlib.import_module(f"{folder}.facility")
        classes = [
            each
            for _, each in inspect.getmembers(module, inspect.isclass)
            if issubclass(each, Facility) and each.__module__ == module.__name__ and hasattr(each, "id")
        ]
        found += [each() for each in classes if each.id == folder]
    return found


def catalogue() -> dict[str, Any]:
    """The whole document."""
    return {"facilities": [entry(facility) for facility in facilities()]}


def entry(facility: Facility) -> dict[str, Any]:
    """One facility's entry.

    Operations, instruments, units of its rows' columns, JSON Schemas of altdata (each key marked secret or
    not) and payloads.
    """
    instruments = [name for name in facility.payloads if name is not None]
    return {
        "id": facility.id,
        "title": facility.title,
        "instruments": instruments,
        "retired_instruments": dict(facility.retired),
        "operations": list(facility.operations),
        "units": dict(facility.units),
        "altdata": altdata_schema(facility),
        "payloads": {name or "default": schema(model) for name, model in facility.payloads.items()},
    }


def altdata_schema(facility: Facility) -> dict[str, Any]:
    """JSON Schema of the credentials.

    `x-secret` on every key, and all the names a key may have in `x-synonyms`.
    """
    document = schema(facility.Altdata)
    for name, field in facility.Altdata.model_fields.items():
        names = [name, *_names(field.validation_alias), *_names(field.alias)]
        for each in names:
            if each in document["properties"]:
                document["properties"][each]["x-secret"] = _holds_secret(field.annotation)
                others = sorted({other for other in names if other != each})
                if others:
                    document["properties"][each]["x-synonyms"] = others
    return document


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """A model's JSON Schema as input."""
    return model.model_json_schema(mode="validation")


def secret_names(model: type[BaseModel]) -> set[str]:
    """Every name that a secret of a model may be given under."""
    return {
        each
        for name, field in model.model_fields.items()
        if _holds_secret(field.annotation)
        for each in (name, *_names(field.validation_alias), *_names(field.alias))
    }


def _names(alias: Any) -> list[str]:
    return [] if alias is None else [str(each) for each in getattr(alias, "choices", (alias,))]


def _holds_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_holds_secret(each) for each in getattr(annotation, "__args__", ()))
