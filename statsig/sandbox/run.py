"""The sandbox as a program: serve a project until it is told to stop, and say what happens in it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from datetime import datetime
from types import FrameType
from typing import Any

from statsig.sandbox.life import Life
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer

JsonObject = dict[str, Any]

_START = """\
A Statsig project in a box: {gates} gates, {experiments} experiments, {dynamic_configs} dynamic configs.
Console API   {url}/console/v1/
API key       {key}

To point the check at it, put this into conf.yaml:

  instances:
    - api_url: {url}
      api_key: {key}

People change things {speed:g} times as fast as in real life. Ctrl-C ends it.
"""


def run_sandbox(
    port: int = 8089,
    seed: int = 1,
    speed: float = 60.0,
    *,
    gates: int = 12,
    experiments: int = 4,
    dynamic_configs: int = 3,
    layers: int = 2,
    holdouts: int = 1,
    segments: int = 2,
    history_days: float = 1.0,
    host: str = '127.0.0.1',
    say: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM. `speed` is how often people change things, compared with real life.

    Raises OSError where the port cannot be had.
    """
    tell = say or _print_now
    project = SandboxProject(
        seed,
        gates=gates,
        experiments=experiments,
        dynamic_configs=dynamic_configs,
        layers=layers,
        holdouts=holdouts,
        segments=segments,
    )
    life = Life(project, seed)
    life.write_history(history_days)
    seen = project.audit_log.next_number
    stop = _stop_signal()
    with SandboxServer(project, port, host, life=life, speed=speed) as server:
        tell(
            _START.format(
                url=server.url,
                key=DEFAULT_KEY,
                speed=speed,
                gates=gates,
                experiments=experiments,
                dynamic_configs=dynamic_configs,
            )
        )
        while not stop.wait(0.5):
            with project.lock:
                fresh = project.audit_log.since(seen)
                seen = project.audit_log.next_number
            for entry in fresh:
                tell(one_line(entry.timestamp, entry.value))
    tell('Sandbox ended.')


def one_line(timestamp: float, entry: JsonObject) -> str:
    """'15:04:05  gate_update  checkout_v2: Updated rule …  (Jane Doe)'."""
    moment = datetime.fromtimestamp(timestamp).astimezone()
    return f'{moment:%H:%M:%S}  {entry["actionType"]:<26} {entry["name"]}: {entry["changeLog"]}  ({entry["updatedBy"]})'


def _print_now(line: str) -> None:
    print(line, flush=True)


def _stop_signal() -> threading.Event:
    """An event that SIGINT and SIGTERM set."""
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    return stop
