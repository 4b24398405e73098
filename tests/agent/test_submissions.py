"""What a check submits arrives as it would in Datadog, or is refused as it would be there."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from statsig.sandbox.agent import Run
from statsig.sandbox.agent_intake import Event, Intake, LogLine, Metric, Refused, Submissions
from tests.agent.conftest import AgentProgram

RunOnce = Callable[[str], Run]


def test_a_gauge_arrives_with_its_tags_and_the_host_of_the_agent(run_once: RunOnce) -> None:
    run = run_once("def check(self, _): self.gauge('toy.size', 3, tags=['name:a', 'env:b'])")
    assert run.metrics == (Metric('gauge', 'toy.size', 3.0, ('name:a', 'env:b'), 'sandbox-agent'),)


def test_empty_default_hostname_leaves_metrics_and_events_without_a_host(agent: AgentProgram) -> None:
    agent.configure({'empty_default_hostname': True})
    (run,) = agent.run("""
        def check(self, _):
            self.gauge('toy.size', 3)
            self.event({'msg_title': 'a', 'msg_text': 'b'})
    """).runs
    assert [run.metrics[0].hostname, run.events[0].hostname] == ['', '']


def test_a_check_believes_that_it_runs_in_an_agent(run_once: RunOnce) -> None:
    run = run_once("""
        def check(self, _):
            from datadog_checks.base.agent import AGENT_RUNNING, datadog_agent
            logs_enabled = datadog_agent.get_config('logs_enabled')
            self.log.info('%s %s %s', AGENT_RUNNING, datadog_agent.get_version(), logs_enabled)
    """)
    assert run.log_lines[-1].message.endswith('True 7.85.0 False')


def test_an_event_keeps_the_fields_that_the_agent_knows(run_once: RunOnce) -> None:
    now = int(time.time())
    run = run_once(f"""
        def check(self, _):
            self.event({{
                'timestamp': {now}, 'event_type': 'dropped', 'colour': 'dropped', 'msg_title': 'Gate a disabled',
                'msg_text': 'off', 'tags': ['name:a'], 'alert_type': 'warning', 'aggregation_key': 'id1',
                'source_type_name': 'statsig', 'priority': 'low', 'host': 'h',
            }})
    """)
    assert run.events == (Event('Gate a disabled', 'off', now, ('name:a',), 'warning', 'id1', 'statsig', 'low', 'h'),)


def test_a_timestamp_that_is_no_whole_number_means_now(run_once: RunOnce) -> None:
    before = int(time.time())
    run = run_once("""
        def check(self, _):
            import aggregator
            for wrong in ('1700000000', 1700000000.5, None, [1]):
                aggregator.submit_event(self, self.check_id, {'msg_title': 'a', 'msg_text': 'b', 'timestamp': wrong})
    """)
    assert [event.timestamp >= before for event in run.events] == [True] * 4


def test_a_title_that_is_no_text_is_dropped_and_the_event_refused(run_once: RunOnce) -> None:
    run = run_once("def check(self, _): self.event({'msg_title': 7, 'msg_text': 'b'})")
    assert [refused.reason for refused in run.refused] == ['the title or the text is empty']
    line = "Can't parse value for key 'msg_title' in event submitted from python check"
    assert run.log_lines == (LogLine(7, line),)


def test_what_the_agent_takes_no_note_of_ends_the_run_with_a_type_error(agent: AgentProgram) -> None:
    outcomes = agent.run(
        """
        wrong = iter((
            lambda module, check: module.submit_event(check, check.check_id, 'no dict'),
            lambda module, check: module.submit_metric(check, check.check_id, 0, 'toy.size', '3', [], '', False),
            lambda module, check: module.submit_metric(check, check.check_id, 0, 'toy.size', 3, None, '', False),
            lambda module, check: module.submit_metric(check, check.check_id, 0, 'toy\\0size', 3, [], '', False),
        ))
        def check(self, _):
            import aggregator
            next(self.wrong)(aggregator, self)
        """,
        runs=4,
    )
    assert outcomes.exit_code == 1
    assert [run.error for run in outcomes.runs] == [
        'event must be a dict',
        'must be real number, not str',
        'tags must be a sequence',
        'embedded null character',
    ]


def test_tags_that_are_no_text_are_left_out_without_a_word(run_once: RunOnce) -> None:
    run = run_once("""
        def check(self, _):
            import aggregator
            tags = ['a:b', 7, 'c\\0d', '\\ud800']
            aggregator.submit_metric(self, self.check_id, aggregator.COUNT, 'toy.size', 3, tags, '', False)
    """)
    assert run.metrics[0].tags == ('a:b', 'c')


def test_an_exception_ends_the_run_and_what_was_sent_before_it_still_counts(agent: AgentProgram) -> None:
    outcome = agent.run(
        """
        runs = 0
        def check(self, _):
            self.runs += 1
            self.gauge('toy.runs', self.runs)
            if self.runs == 1:
                raise ValueError('the first one always fails')
        """,
        runs=2,
    )
    assert outcome.exit_code == 1
    assert [run.error for run in outcome.runs] == ['the first one always fails', '']
    assert [run.metrics[0].value for run in outcome.runs] == [1.0, 2.0]


def test_warnings_belong_to_their_run_and_are_logged_too(agent: AgentProgram) -> None:
    runs = agent.run(
        """
        runs = 0
        def check(self, _):
            self.runs += 1
            self.warning('warning %s', self.runs)
        """,
        runs=2,
    ).runs
    assert [run.warnings for run in runs] == [('warning 1',), ('warning 2',)]
    assert [(line.level, line.message.endswith('| warning 1')) for line in runs[0].log_lines] == [(30, True)]


def test_log_lines_below_the_agents_log_level_are_not_written(agent: AgentProgram) -> None:
    methods = "def check(self, _): self.log.debug('whisper'); self.log.info('said')"
    quiet = agent.run(methods).runs[0].log_lines
    verbose = agent.run(methods, options=['--agent-option', 'log_level=debug']).runs[0].log_lines
    assert ['whisper' in line.message for line in quiet] == [False]
    assert any('whisper' in line.message for line in verbose)


def test_logs_reach_datadog_only_where_logs_are_enabled(agent: AgentProgram) -> None:
    methods = "def check(self, _): self.send_log({'message': 'm', 'timestamp': 4e9 + 0.5})"
    without = agent.run(methods).runs[0]
    enabled = agent.run(methods, options=['--agent-option', 'logs_enabled=true']).runs[0]
    assert [refused.reason for refused in without.refused] == ['logs_enabled is false']
    assert [log.attributes for log in enabled.logs] == [{'message': 'm', 'timestamp': 4_000_000_000_500}]


def test_everything_else_a_check_can_submit_is_recorded(run_once: RunOnce) -> None:
    run = run_once("""
        def check(self, _):
            self.service_check('toy.up', 2, tags=['a:b'], message='down')
            self.event_platform_event('{"a": ', 'event-management')
            self.event_platform_event('{"data": {}}', 'other-track')
            self.set_metadata('version', '1.2.3')
    """)
    (service_check,) = run.service_checks
    assert (service_check.name, service_check.status, service_check.message) == ('toy.up', 2, 'down')
    assert [refused.reason for refused in run.refused] == ['the body is not JSON', 'unknown eventType=other-track']
    assert ('version.raw', '1.2.3') in [(metadata.name, metadata.value) for metadata in run.metadata]


HOUR = 3600


@pytest.mark.parametrize(
    ('changed', 'reason'),
    [
        ({'text': 'x' * 4001}, 'the text has 4001 characters, at most 4000 are taken'),
        ({'aggregation_key': 'x' * 101}, 'the aggregation key has 101 characters, at most 100 are taken'),
        ({'age': 18 * HOUR + 60}, 'the event is 18.0 h old, at most 18 h are taken'),
        ({'age': -2 * HOUR - 60}, 'the event is 2.0 h ahead, at most 2 h are taken'),
        ({'title': ''}, 'the title or the text is empty'),
        ({'text': ''}, 'the title or the text is empty'),
        ({'alert_type': 'fatal'}, "the alert type is 'fatal', expected error, warning, info or success"),
    ],
)
def test_an_event_beyond_datadogs_limits_is_refused(changed: dict[str, object], reason: str) -> None:
    assert [refused.reason for refused in _taken(changed).of(Refused)] == [reason]


@pytest.mark.parametrize(
    'changed',
    [{'text': 'x' * 4000}, {'aggregation_key': 'x' * 100}, {'age': 18 * HOUR - 60}, {'age': 60 - 2 * HOUR}],
)
def test_an_event_at_datadogs_limits_is_taken(changed: dict[str, object]) -> None:
    assert len(_taken(changed).of(Event)) == 1


def test_a_metric_without_a_finite_value_is_refused(run_once: RunOnce) -> None:
    run = run_once("def check(self, _): self.gauge('toy.size', float('nan')); self.gauge('toy.size', float('inf'))")
    assert [refused.reason for refused in run.refused] == ['the value is nan', 'the value is inf']


def _taken(changed: dict[str, object]) -> Submissions:
    fields = {'title': 'a', 'text': 'b', 'alert_type': 'info', 'aggregation_key': 'k', 'age': 0, **changed}
    timestamp = int(time.time()) - int(str(fields.pop('age')))
    intake = Intake(logs_enabled=False)
    intake.take(
        Event(
            str(fields['title']),
            str(fields['text']),
            timestamp,
            (),
            str(fields['alert_type']),
            str(fields['aggregation_key']),
            'statsig',
            'normal',
            '',
        )
    )
    return intake.drain()
