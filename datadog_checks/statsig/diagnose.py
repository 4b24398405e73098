"""`agent diagnose`: whether everything is there that an instance needs, and what to do where it is not.

The Agent calls this from another thread than the one that runs the check, perhaps before the first run and in a process
where there is none. So it makes its own connection, with a time limit of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal

from datadog_checks.base import ConfigurationError
from datadog_checks.base.utils.http import RequestsWrapper

from datadog_checks.statsig.agent_sink import missing_in_the_agent
from datadog_checks.statsig.config_models import InstanceConfig
from datadog_checks.statsig.configuration import validate
from statsig.console.budget import RequestBudget
from statsig.console.client import ConsoleClient
from statsig.console.cursor_store import CursorUnreadableError
from statsig.console.errors import ConsoleError, RateLimitedError, RefusedError, RequestNotMadeError, UnreachableError
from statsig.console.exposures import PARAMETERS
from statsig.console.failures import PERMISSIONS
from statsig.datadog.collector import COUNTED, FOLLOWED

if TYPE_CHECKING:
    from datadog_checks.statsig.check import StatsigCheck

REQUESTS_PER_MINUTE = 10  # one diagnosis takes at most nine; the check's own budget counts them, but grants them all
TIME_LIMIT = 20.0  # seconds
CLOCK_TOLERANCE = 30  # seconds
CLOCK_LIMIT = 600  # seconds: Datadog refuses figures from further ahead
SCRATCH = 'diagnosis'  # the key of a value that nobody else reads

CATEGORY = 'statsig'
DESCRIPTIONS = {
    'Configuration': 'The options of conf.yaml can be used.',
    'Reachability': 'The Statsig Console API answers.',
    'API key': 'Statsig accepts the API key.',
    'Clock': 'The clock of this host is that of Statsig.',
    'Cache': 'The position in the audit log can be stored, and read again.',
    'Agent': 'This Agent can send what the configuration asks for.',
}
AGAIN = 'Run `agent diagnose` again in a minute.'
STORAGE = (
    'Check the space on the disk and the owner of the files in the run directory of the Agent: `agent check` and '
    '`agent diagnose --local` must be run as dd-agent, not as root.'
)


@dataclass(frozen=True, slots=True)
class Finding:
    """`name` begins with a key of DESCRIPTIONS, or with `Permission`. Neither text ever holds the key."""

    result: Literal['success', 'warning', 'fail']
    name: str
    diagnosis: str
    remedy: str = ''


class Diagnose:
    """The diagnosis of one instance, to be registered with base. It never raises."""

    def __init__(self, check: StatsigCheck) -> None:
        self._check = check
        self._budget = RequestBudget(REQUESTS_PER_MINUTE)
        self._project = ''

    def __call__(self) -> None:
        parts = (('Configuration', self._configuration), ('Reachability', self._api), ('Cache', self._cache))
        for name, part in (*parts, ('Agent', self._agent)):
            findings = list(_guarded(name, part))
            for finding in findings:
                self._report(finding)
            if name == 'Configuration' and any(finding.result == 'fail' for finding in findings):
                return  # the rest would only repeat it

    def _report(self, finding: Finding) -> None:
        description = DESCRIPTIONS.get(finding.name, 'The API key may read what the configuration needs.')
        report = getattr(self._check.diagnosis, finding.result)
        report(
            finding.name,
            finding.diagnosis,
            category=CATEGORY,
            description=description,
            remediation=finding.remedy or None,
        )

    def _configuration(self) -> Iterator[Finding]:
        correct = 'Correct it in conf.yaml, where conf.yaml.example explains every option, and restart the Agent.'
        try:
            # As the first run does; it may not have come yet.
            self._check.run_check_initializations()
            warnings = validate(self._check.instance, self._check.init_config)
        except ConfigurationError as error:
            yield Finding('fail', 'Configuration', self._check.sanitize(str(error)), correct)
            return
        for warning in warnings:
            yield Finding('warning', 'Configuration', warning, correct)
        if not warnings:
            yield Finding('success', 'Configuration', 'It can be used.')

    def _api(self) -> Iterator[Finding]:
        http = _DatedHTTP(self._check.new_http())
        config = self._check.config
        client = ConsoleClient(http, self._check.api_url(), config.api_key, self._budget, http.options['timeout'])
        self._budget.start_run(TIME_LIMIT)
        if self._check.budget.paused_for:
            self._budget.pause(self._check.budget.paused_for)
        self._project = config.project or ''
        probe = _Probe(client)
        asked = probe.ask(needed(config))
        for _ in client.take_requests_made():
            self._check.budget.count()
        if self._budget.paused_for:
            self._check.budget.pause(self._budget.paused_for)
        self._project = self._project or probe.project
        yield from api_findings(needed(config), asked)
        if http.answered:
            yield clock_finding(http.ahead)

    def _cache(self) -> Iterator[Finding]:
        written = str(time.time_ns())
        self._check.write_persistent_cache(SCRATCH, written)
        try:
            lasted = self._check.read_persistent_cache(SCRATCH) == written
        except (RuntimeError, OSError, ValueError):
            lasted = False
        if not lasted:
            yield Finding('fail', 'Cache', 'What is written to the cache of the Agent does not last.', STORAGE)
        elif not self._check.config.collect_audit_log:
            yield Finding('success', 'Cache', 'What is written lasts. (`collect_audit_log` is off: it is not needed.)')
        elif not self._project:
            yield Finding('success', 'Cache', 'What is written lasts. The stored position was not looked at, because '
                          'the project is not known.')  # fmt: skip
        else:
            yield self._stored_position()

    def _stored_position(self) -> Finding:
        store = self._check.store_for(self._project)
        try:
            cursor = store.load()
        except CursorUnreadableError as error:
            return Finding('fail', 'Cache', f'The stored position in the audit log: {error}.', STORAGE)
        if store.damaged:
            lookback = 'Nothing: the next run begins again at the look-back (`audit_log_lookback`).'
            return Finding('warning', 'Cache', 'The stored position in the audit log is damaged.', lookback)
        what = 'The stored position in the audit log can be read' if cursor else 'No position in the audit log yet'
        return Finding('success', 'Cache', f'{what}, and what is written lasts.')

    def _agent(self) -> Iterator[Finding]:
        missing = missing_in_the_agent(self._check)
        for message in missing:
            yield Finding('fail', 'Agent', *what_and_remedy(message))
        if self._check.config.send_logs and self._check.logs_enabled:
            section = (
                'If no logs arrive: conf.yaml needs `logs: [{type: integration, source: statsig}]` beside `instances`.'
            )
            yield Finding(
                'success', 'Agent', 'Logs are on. Whether conf.yaml has its log section, no check can see.', section
            )
        elif not missing:
            yield Finding('success', 'Agent', 'It can send all that the configuration asks for.')


def needed(config: InstanceConfig) -> tuple[str, ...]:
    """The endpoints that this configuration makes the check ask: at least one."""
    kinds = COUNTED if config.collect_inventory else FOLLOWED if config.collect_exposures else ()
    endpoints = (
        *(() if config.project else ('project',)),
        *kinds,
        *(('audit_logs',) if config.collect_audit_log else ()),
        *(('exposure_count',) if config.collect_exposures else ()),  # of something that was listed before
    )
    return endpoints or ('project',)


Outcome = ConsoleError | RequestNotMadeError | None


class _Probe:
    """Asks one small thing of each endpoint; stops where asking on would only repeat a failure."""

    def __init__(self, client: ConsoleClient) -> None:
        self._client = client
        self._some_id: dict[str, str] = {}
        self.project = ''

    def ask(self, endpoints: tuple[str, ...]) -> dict[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        for endpoint in endpoints:
            try:
                self._ask(endpoint)
                outcomes[endpoint] = None
            except (ConsoleError, RequestNotMadeError) as error:
                outcomes[endpoint] = error
                is_refused = isinstance(error, RefusedError) and error.status == '401'
                if is_refused or isinstance(error, UnreachableError | RequestNotMadeError):
                    break
        return outcomes

    def _ask(self, endpoint: str) -> None:
        if endpoint == 'project':
            self.project = self._client.project_id()
        elif endpoint == 'exposure_count':
            if not self._some_id:
                raise RequestNotMadeError('no gate, experiment or dynamic config could be listed to ask for')
            self._client.get(endpoint, self._some_id)
        else:
            items = self._client.get_page(endpoint, page=1, limit=1).items
            found = items[0].get('id') if items and isinstance(items[0], dict) else None
            if endpoint in PARAMETERS and isinstance(found, str) and found:
                self._some_id = {PARAMETERS[endpoint]: found}


def api_findings(endpoints: tuple[str, ...], outcomes: dict[str, Outcome]) -> Iterator[Finding]:
    """What the outcomes say of the address, the key, and each permission."""
    answered = [error for error in outcomes.values() if error is None or isinstance(error, RefusedError)]
    accepted = [error for error in answered if error is None or error.status != '401']
    failures = [error for error in outcomes.values() if error is not None]
    if answered:
        yield Finding('success', 'Reachability', 'The Statsig Console API answers.')
    else:
        yield _problem('Reachability', failures[0])
        return
    if not accepted:
        yield _problem('API key', failures[0])
        return
    yield Finding('success', 'API key', 'Statsig accepts it.')
    for endpoint in endpoints:
        name = f'Permission: {PERMISSIONS[endpoint]}'
        if endpoint not in outcomes:
            yield Finding('warning', name, 'Not tested, because of the problem above.', AGAIN)
        elif (error := outcomes[endpoint]) is not None:
            yield _problem(name, error)
        else:
            yield Finding('success', name, f'The API key may read {PERMISSIONS[endpoint]}.')


def _problem(name: str, error: ConsoleError | RequestNotMadeError) -> Finding:
    if isinstance(error, RequestNotMadeError):
        return Finding('warning', name, f'Not tested: {error}.', AGAIN)
    # A permission is known to be missing only where Statsig says so.
    is_certain = isinstance(error, RefusedError) or (name == 'Reachability' and not isinstance(error, RateLimitedError))
    return Finding('fail' if is_certain else 'warning', name, *what_and_remedy(str(error)))


def what_and_remedy(message: str) -> tuple[str, str]:
    """Every message of ours says in its first sentence what happened, and then what to do."""
    what, _, remedy = message.partition('. ')
    return f'{what}.', remedy


def clock_finding(ahead: float | None) -> Finding:
    """`ahead`: seconds that this host's clock is ahead of Statsig's, if that is known."""
    remedy = (
        'Synchronise the clock of this host (NTP). Datadog refuses figures that are more than 10 minutes ahead or more '
        'than an hour old.'
    )
    if ahead is None:
        return Finding('warning', 'Clock', 'It could not be compared: the answers carry no date.', remedy)
    if abs(ahead) <= CLOCK_TOLERANCE:
        return Finding('success', 'Clock', "It agrees with Statsig's.")
    told = f"The clock of this host is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} Statsig's."
    return Finding('fail' if abs(ahead) >= CLOCK_LIMIT else 'warning', 'Clock', told, remedy)


class _DatedHTTP:
    """The Agent's HTTP wrapper, noting how far this host's clock is ahead of the date of the last answer."""

    def __init__(self, http: RequestsWrapper) -> None:
        self._http = http
        self.options: dict[str, Any] = http.options
        self.answered = False
        self.ahead: float | None = None

    def get(self, *arguments: Any, **options: Any) -> Any:
        response = self._http.get(*arguments, **options)
        self.answered = True
        try:
            self.ahead = time.time() - parsedate_to_datetime(response.headers['Date']).timestamp()
        except (KeyError, ValueError, OverflowError):
            self.ahead = None
        return response


def _guarded(name: str, part: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from part()
    except Exception as error:
        # Its text is unknown, so it is not shown: it could hold a secret.
        told = f'This could not be diagnosed: {type(error).__name__}.'
        yield Finding(
            'fail', name, told, 'Look into the log of the Agent, and report it in the issues of this project.'
        )
