"""The whole system on one machine: embedded AWS, simulators, functions, sources, schedules and the HTTP API.

The HTTP API has controls of the stack beside the system's own routes:

- `GET /_local/state`: `{"url", "aws_endpoint", "now", "functions": [...], "simulators": {name: url}}`.
- `POST /_local/clock` `{"advance_s": n}`: moves the stack's clock and the simulators', fires every schedule
  that came due, and works off what comes of it: `{"now": ..., "fired": [{"schedule", "function", "error"}]}`.
- `POST /_local/tick` `{"function"?: name}`: fires schedules now, and works off what comes of it:
  `{"fired": [...]}`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any
from urllib.request import Request, urlopen

from local import resources, settings, template
from local.clock import Clock
from local.gateway import INTEGRATION_LIMIT_S, Gateway
from local.processes import Children, Service
from local.pumps import Pumps
from local.resources import Clients
from local.runtime import Runtime
from local.scheduler import Fired, Scheduler
from local.settings import SimulatorUrls

ROOT = Path(__file__).resolve().parent.parent
LAYER = ROOT / "layers" / "slew"


class Stack:
    """One running system; a context manager.

    `workdir` (default `.slew`) takes the logs; `simulators` may be False, or the names
    of some.
    """

    def __init__(
        self,
        port: int = 0,
        workdir: Path = ROOT / ".slew",
        parameters: Mapping[str, str] | None = None,
        simulators: bool | Sequence[str] = True,
        python: str = sys.executable,
        template_file: Path = ROOT / "template.yaml",
        integration_limit_s: float = INTEGRATION_LIMIT_S,
    ) -> None:
        self._port = port
        self._workdir = workdir.resolve()
        self._parameters = dict(parameters or {})
        self._wanted_simulators = simulators
        self._python = python
        self._template_file = template_file
        self._integration_limit_s = integration_limit_s
        self._cleanup = ExitStack()
        self.simulators: dict[str, SimulatorUrls] = {}

    # -- life

    def __enter__(self) -> Stack:
        with ExitStack() as cleanup:
            self._start(cleanup)
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    def _start(self, cleanup: ExitStack) -> None:
        self._logs.mkdir(parents=True, exist_ok=True)
        # Not in the work directory: another stack may be using that, and two must not share a clock.
        private = cleanup.enter_context(TemporaryDirectory(prefix="slew-"))
        self.clock = Clock(Path(private) / "clock")
        children = Children()
        cleanup.callback(children.close)
        aws = Service("local.aws", ["0", str(self.clock.path)], children, self._logs)
        cleanup.callback(aws.close)
        simulators = self._start_simulators(children)
        if simulators:
            cleanup.callback(simulators.close)
        source = template.parse(self._template_file)  # while they start
        self.aws_endpoint: str = aws.ready()["url"]
        self.client = Clients(self.aws_endpoint)
        if simulators:
            self.simulators = {name: SimulatorUrls(**urls) for name, urls in simulators.ready().items()}
        values = settings.parameters(source, self.simulators, self._parameters)
        self.system = template.load(self._template_file, values, self.aws_endpoint)
        resources.create(self.system, self.client)
        if identity := self.system.parameters.get("EmailIdentity"):
            _post(f"{self.aws_endpoint}/_ses/config", {"identities": [identity]})
        self._start_functions(cleanup, children)

    def _start_simulators(self, children: Children) -> Service | None:
        if not self._wanted_simulators:
            return None
        names = [] if self._wanted_simulators is True else list(self._wanted_simulators)
        return Service("local.simulators", names, children, self._logs)

    def _start_functions(self, cleanup: ExitStack, children: Children) -> None:
        environment = {"AWS_ENDPOINT_URL": self.aws_endpoint, "SLEW_CLOCK_FILE": str(self.clock.path)}
        self.runtime = Runtime(
            self.system.functions,
            children=children,
            environment=environment,
            logs=self._logs,
            python=self._python,
        )
        cleanup.callback(self.runtime.close)
        self._pumps = Pumps(self.system, self.runtime, self.client, self.aws_endpoint)
        cleanup.callback(self._pumps.stop)
        self._scheduler = Scheduler(self.system.schedules, self.runtime, self.clock)
        cleanup.callback(self._scheduler.stop)
        controls = {
            ("GET", "state"): self._control_state,
            ("POST", "clock"): self._control_clock,
            ("POST", "tick"): self._control_tick,
        }
        gateway = Gateway(
            self.system.routes,
            self.runtime,
            self.clock,
            port=self._port,
            controls=controls,
            integration_limit_s=self._integration_limit_s,
        )
        cleanup.callback(gateway.stop)
        self.url = gateway.url
        self.runtime.environment["SLEW_API_URL"] = gateway.url  # no process has been started yet
        for authorizer in {route.authorizer for route in self.system.routes if route.authorizer}:
            self.runtime.warm(authorizer)
        self._pumps.start()
        self._scheduler.start()
        gateway.start()

    @property
    def _logs(self) -> Path:
        return self._workdir / "logs"

    # -- use

    @cached_property
    def token(self) -> str:
        """An administrator's bearer token."""
        if str(LAYER) not in sys.path:
            sys.path.append(str(LAYER))  # this process is no function: the layer is not on its path
        from slew.tokens import issue

        (table,) = self.system.tables
        token: str = issue(self.client("dynamodb"), table.name, name="local", role="admin", groups=[])
        return token

    def invoke(self, function: str, event: Any) -> Any:
        """Invoke a function by its logical id; its answer. Raises `runtime.FunctionError` if it failed."""
        return self.runtime.call(function, event)

    def drain(self) -> None:
        """Work off all streams and queues, as far as messages are visible, and what comes of it."""
        self._pumps.drain()

    def advance(self, seconds: float) -> list[Fired]:
        """Move the stack's clock and the simulators', fire what came due, and drain."""

        def move() -> None:
            self.clock.advance(seconds)
            for simulator in list(self.simulators.values())[:1]:  # they share one clock
                _post(f"{simulator.url}/_clock", {"advance_s": seconds})

        fired = self._scheduler.tick(move)
        self.drain()
        return fired

    def tick(self, function: str | None = None) -> list[Fired]:
        """Fire schedules (of one function) now, and drain. Raises KeyError if there is none."""
        fired = self._scheduler.fire(function)
        self.drain()
        return fired

    # -- controls

    def _control_state(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "url": self.url,
            "aws_endpoint": self.aws_endpoint,
            "now": self.clock.now().isoformat(),
            "functions": [function.name for function in self.system.functions],
            "simulators": {name: urls.url for name, urls in self.simulators.items()},
        }

    def _control_clock(self, body: dict[str, Any]) -> dict[str, Any]:
        fired = self.advance(float(body["advance_s"]))
        return {"now": self.clock.now().isoformat(), "fired": [asdict(one) for one in fired]}

    def _control_tick(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"fired": [asdict(one) for one in self.tick(body.get("function"))]}


def _post(url: str, body: dict[str, Any]) -> None:
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=30) as answer:
        answer.read()
