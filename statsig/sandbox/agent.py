"""An Agent in a box: loads a check as the Agent's loader does, runs it, and records what would reach Datadog.

In process: `AgentHost(cache_dir).start('statsig', instance).run()`. Base must not have been imported before the first
host of the process. As a program, where a restart is a real restart:
`python -m statsig.sandbox.agent --config conf.yaml --cache DIR --runs 3 --interval 1 --json`.
"""

from __future__ import annotations

import importlib
import inspect
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from statsig.sandbox import agent_builtins
from statsig.sandbox.agent_cache import PersistentCache
from statsig.sandbox.agent_event_platform import EVENT_MANAGEMENT
from statsig.sandbox.agent_intake import (
    Event,
    Intake,
    Log,
    LogLine,
    Metadata,
    Metric,
    PlatformEvent,
    Refused,
    ServiceCheck,
    Submissions,
    as_json_object,
    from_json_object,
)

# None in an Agent of which the event platform does not know the track: it knows no such setting then.
SETTING_OF_EVENT_MANAGEMENT = 'event_management.forwarder.batch_wait'
DEFAULT_CONFIG: Mapping[str, Any] = {
    'enable_metadata_collection': True,
    'integration_profiling': False,
    'integration_tracing': False,
    'log_level': 'info',
    'logs_enabled': False,
    'proxy': {},
    SETTING_OF_EVENT_MANAGEMENT: 5,
}


class CheckLoadError(Exception):
    """The check could not be found or constructed; the message is what the Agent's status page would show."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one instance: what it submitted, and what the Agent's status page would say of it.

    `error` is '' or the message of the exception that ended the run; what was submitted before it still counts.
    `started` is epoch seconds.
    """

    submissions: Submissions
    warnings: tuple[str, ...]
    error: str
    traceback: str
    started: float
    seconds: float

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return self.submissions.of(Metric)

    @property
    def events(self) -> tuple[Event, ...]:
        return self.submissions.of(Event)

    @property
    def service_checks(self) -> tuple[ServiceCheck, ...]:
        return self.submissions.of(ServiceCheck)

    @property
    def logs(self) -> tuple[Log, ...]:
        return self.submissions.of(Log)

    @property
    def platform_events(self) -> tuple[PlatformEvent, ...]:
        return self.submissions.of(PlatformEvent)

    @property
    def metadata(self) -> tuple[Metadata, ...]:
        return self.submissions.of(Metadata)

    @property
    def log_lines(self) -> tuple[LogLine, ...]:
        return self.submissions.of(LogLine)

    @property
    def refused(self) -> tuple[Refused, ...]:
        return self.submissions.of(Refused)

    def as_json_object(self) -> dict[str, Any]:
        return {
            'submissions': [as_json_object(submission) for submission in self.submissions.all],
            'warnings': list(self.warnings),
            'error': self.error,
            'traceback': self.traceback,
            'started': self.started,
            'seconds': self.seconds,
        }

    @classmethod
    def from_json_object(cls, raw: Mapping[str, Any]) -> Run:
        return cls(
            Submissions(tuple(from_json_object(submission) for submission in raw['submissions'])),
            tuple(raw['warnings']),
            raw['error'],
            raw['traceback'],
            raw['started'],
            raw['seconds'],
        )


class AgentHost:
    """An Agent as far as its Python checks can tell, with its persistent cache in `cache_dir`.

    config: options of `datadog.yaml` that differ from the defaults, such as `{'logs_enabled': True}`.
    Several hosts may live in one process, their checks running in turn: not from several threads.
    Raises RuntimeError when `datadog_checks.base` was imported before the first host.
    """

    def __init__(
        self,
        cache_dir: Path | str,
        config: Mapping[str, Any] | None = None,
        hostname: str = 'sandbox-agent',
        version: str = '7.85.0',
    ) -> None:
        self.config: Mapping[str, Any] = {**DEFAULT_CONFIG, **(config or {})}
        self.hostname = hostname
        self.version = version
        self.cache = PersistentCache(Path(cache_dir))
        knows_events = self.config[SETTING_OF_EVENT_MANAGEMENT] is not None
        tracks = frozenset({EVENT_MANAGEMENT} if knows_events else ())
        self.intake = Intake(logs_enabled=bool(self.config['logs_enabled']), tracks=tracks)
        self._without_hostname: set[str] = set()
        self.enter()
        agent_builtins.install(_current_host)

    def start(
        self, name: str, instance: Mapping[str, Any], init_config: Mapping[str, Any] | None = None
    ) -> RunningCheck:
        """Load `datadog_checks.<name>`, or else `<name>`, and construct its check for one instance.

        Raises CheckLoadError.
        """
        self.enter()
        check_class = _check_class(_check_module(name))
        # Through YAML and back: the Agent hands over plain data of its own, never the caller's objects.
        own_instance, own_init_config = yaml.safe_load(yaml.safe_dump([dict(instance), dict(init_config or {})]))
        check = self._construct(check_class, name, own_instance, own_init_config)
        check.check_id = check_id(name, own_instance, own_init_config)
        check.provider = 'file'
        if own_instance.get('empty_default_hostname'):
            self._without_hostname.add(check.check_id)
        return RunningCheck(self, check)

    def _construct(self, check_class: Any, name: str, instance: Any, init_config: Any) -> Any:
        try:
            return check_class(name=name, init_config=init_config, instances=[instance])
        except Exception as error:
            # The Agent then tries the signature of Agent 5, so a constructor that fails has run twice.
            try:
                return check_class(name=name, init_config=init_config, instances=[instance], agentConfig={})
            except Exception:
                raise CheckLoadError(f'could not construct the check `{name}`: {error}') from error

    def default_hostname(self, check_id: str) -> str:
        return '' if check_id in self._without_hostname else self.hostname

    def enter(self) -> None:
        """Make this host the one that checks of this process talk to, until another host enters."""
        global _host
        _host = self
        level = str(self.config['log_level']).upper()
        logging.getLogger().setLevel(logging.getLevelNamesMapping().get(level, logging.INFO))


class RunningCheck:
    """One instance of a check, constructed and ready. `check` is the AgentCheck itself."""

    def __init__(self, host: AgentHost, check: Any) -> None:
        self._host = host
        self.check = check

    def run(self) -> Run:
        """One run, as the Agent's runner makes it. Exceptions of the check come back as `Run.error`."""
        self._host.enter()
        started, clock = time.time(), time.monotonic()
        report = self.check.run()
        warnings = tuple(self.check.get_warnings())
        failure = json.loads(report)[0] if report else {'message': '', 'traceback': ''}
        return Run(
            submissions=self._host.intake.drain(),
            warnings=warnings,
            error=failure['message'],
            traceback=failure['traceback'],
            started=started,
            seconds=time.monotonic() - clock,
        )

    def diagnose(self) -> list[dict[str, Any]]:
        """What `agent diagnose` would show of this instance."""
        self._host.enter()
        diagnoses: list[dict[str, Any]] = json.loads(self.check.get_diagnoses())
        return diagnoses


_host: AgentHost | None = None


def _current_host() -> AgentHost:
    if _host is None:
        raise RuntimeError('no AgentHost has been made in this process')
    return _host


def _check_module(name: str) -> ModuleType:
    """The Agent goes on to `<name>` after any failure and reports the last one alone, which hides errors in the check.

    This one goes on only where there is no such module.
    """
    for module_name in (f'datadog_checks.{name}', name):
        try:
            return importlib.import_module(module_name)
        except Exception as error:
            if not (isinstance(error, ModuleNotFoundError) and error.name == module_name):
                raise CheckLoadError(f'could not import {module_name}: {error}') from error
    raise CheckLoadError(f'there is neither a module datadog_checks.{name} nor {name}')


def _check_class(module: ModuleType) -> Any:
    """The one AgentCheck of the module that nothing else derives from."""
    from datadog_checks.base import AgentCheck

    found = [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, AgentCheck) and member is not AgentCheck and not member.__subclasses__()
        if member.__module__.partition('.base.')[0] != 'datadog_checks'
    ]
    if not found:
        raise CheckLoadError(f'the module {module.__name__} has no class derived from AgentCheck')
    return found[0]


def check_id(name: str, instance: Mapping[str, Any], init_config: Mapping[str, Any]) -> str:
    """`<name>:<hash>`, or `<name>:<instance name>:<hash>` where the instance has a `name` (or a `namespace`).

    As in the Agent, any edit of the configuration changes the hash; the order of `tags` does not.
    """
    hashed = {**instance, 'tags': sorted(map(str, instance.get('tags') or ()))}
    digest = _fnv64(json.dumps([hashed, init_config], sort_keys=True, default=str).encode())
    instance_name = instance.get('name') or instance.get('namespace')
    return ':'.join(str(part) for part in (name, instance_name, f'{digest:x}') if part)


def _fnv64(data: bytes) -> int:
    digest = 0xCBF29CE484222325
    for byte in data:
        digest = (digest * 0x100000001B3) % 2**64 ^ byte
    return digest


if __name__ == '__main__':
    import sys

    # A second copy of this module would have a host of its own: run the importable one.
    from statsig.sandbox import agent_program

    sys.exit(agent_program.main())
