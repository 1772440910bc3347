"""The facilities that are written to their end, and a stack of those: the others join by themselves."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable
from pathlib import Path

from local import catalogue, settings, template
from local.simulators import registry
from local.simulators.__main__ import describe
from local.simulators.base import SimulatedClock
from local.stack import ROOT, Stack
from slew.facility import Facility

NOWHERE = "http://127.0.0.1:9"


def facilities() -> list[Facility]:
    """The facilities that have a simulator, a function and example events."""
    template_text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    found = []
    for folder in sorted(path.parent.name for path in catalogue.FUNCTIONS.glob("*/facility.py")):
        try:
            simulator = registry.create(folder, SimulatedClock())
            simulator.start()
            describe(simulator)
            simulator.stop()
            (facility,) = [each for each in _of(folder) if each.id == folder]
        except (ImportError, AttributeError, KeyError, TypeError, ValueError):
            continue  # not written to its end
        events = [ROOT / "events" / f"{folder}-{name}.json" for name in ("allocation", "submit")]
        if f"Handler: {folder}.app.handler" in template_text and all(path.exists() for path in events):
            found.append(facility)
    return found


def _of(folder: str) -> list[Facility]:
    module = importlib.import_module(f"{folder}.facility")
    return [
        each()
        for _, each in inspect.getmembers(module, inspect.isclass)
        if issubclass(each, Facility) and each.__module__ == module.__name__ and hasattr(each, "id")
    ]


def stack(workdir: Path, facilities: Iterable[Facility]) -> Stack:
    """A stack, not started, whose other facilities lead nowhere."""
    names = [each.id for each in facilities]
    declared = template.parse(ROOT / "template.yaml")["Parameters"]
    missing = {
        name: NOWHERE
        for name, about in declared.items()
        if name.endswith("Url") and about.get("Default") and not _simulated(name, names)
    }
    return Stack(workdir=workdir, simulators=names, parameters=missing)


def _simulated(parameter: str, names: list[str]) -> bool:
    facility = settings.environment_name(parameter).removeprefix("SLEW_").removesuffix("_URL").lower()
    return any(facility == name or facility.startswith(f"{name}_") for name in names)
