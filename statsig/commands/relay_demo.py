"""The relay's part of the demo: webhook sender → relay → DogStatsD listener, and whether their sums are the same."""

from __future__ import annotations

import random
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from statsig.commands.preview import many
from statsig.commands.terminal import Terminal, shortened
from statsig.sandbox.dogstatsd_listener import DogStatsdListener
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.relay_process import RelayFailedError, RelayProcess
from statsig.sandbox.webhook_counts import expected_counts, without_estimates
from statsig.sandbox.webhook_sender import DeliveryFailedError, WebhookEvents, WebhookSender, in_batches

EVENTS = 10_000
LARGEST_BATCH = 200
# Not `statsig`: the check has gauges of these names, and a metric has one type in Datadog.
NAMESPACE = 'statsig.events'
SECRET = 'webhook-sandbox'  # noqa: S105  (of this demo alone)

Counts = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Relayed:
    """What was sent, what DogStatsD got of it, and how the relay answered what was no news.

    expected, counted: by name and tags. again: the status of a delivery's second time. forged: that of a delivery with
    a wrong signature. exit_code: the relay's, after SIGTERM. wrong: what an Agent would not take.
    """

    deliveries: int
    verified: bool
    expected: Counts
    counted: Counts
    again: int
    forged: int
    exit_code: int
    wrong: Sequence[str] = ()

    @property
    def different(self) -> list[str]:
        """The series whose sums are not the same."""
        every = {*self.expected, *self.counted}
        return sorted(f'{key[0]} {key[1]}' for key in every if self.expected.get(key, 0) != self.counted.get(key, 0))


def show_relay(terminal: Terminal, project: SandboxProject, seed: int) -> list[str]:
    """Run it and print it; what the relay promises and did not keep."""
    terminal.heading('The relay', "Statsig's webhook → relay → DogStatsD: counts with environment, value and group")
    try:
        relayed = _relay(terminal, project, seed)
    except (RelayFailedError, DeliveryFailedError) as error:
        return [f'the relay failed: {error}']
    _show_counts(terminal, relayed)
    sent, counted = sum(relayed.expected.values()), sum(relayed.counted.values())
    terminal.verdict(
        not relayed.different,
        f'{many(sent, "event")} sent in {many(relayed.deliveries, "delivery", "deliveries")}, {counted:,} counted: '
        f'{_equal(relayed)}',
    )
    terminal.verdict(
        (relayed.again, relayed.forged) == (200, 401) and not relayed.different,
        f'a delivery made again was answered {relayed.again} and not counted again; a forged one was answered '
        f'{relayed.forged}',
    )
    terminal.verdict(relayed.exit_code == 0, f'stopped: the last counts were sent, exit code {relayed.exit_code}')
    return broken(relayed)


def _relay(terminal: Terminal, project: SandboxProject, seed: int) -> Relayed:
    """Raises RelayFailedError, DeliveryFailedError."""
    with tempfile.TemporaryDirectory(prefix='statsig-datadog-demo-') as name:
        directory = Path(name)
        configuration = {
            'listen': '127.0.0.1:0',
            'dogstatsd_url': f'unix://{directory / "dsd.socket"}',
            'metric_namespace': NAMESPACE,
            'flush_interval': 0.5,
            'statsig_webhook': {'signing_secret': '${STATSIG_WEBHOOK_SECRET}'},
        }
        with (
            DogStatsdListener(directory / 'dsd.socket') as listener,
            RelayProcess(configuration, SECRET, directory) as relay,
            WebhookSender(relay.webhook, SECRET) as statsig,
        ):
            terminal.step(f'relay started (process {relay.pid})')
            with terminal.waiting('events on their way'):
                verified = statsig.verify()
                rng = random.Random(seed)  # noqa: S311  (sizes of batches)
                batches = in_batches(WebhookEvents(project, seed).take(EVENTS), rng, LARGEST_BATCH)
                for number, batch in enumerate(batches):
                    statsig.deliver(batch, compressed=bool(number % 2))
                sent = Counter(statsig.sent)
                again = statsig.deliver(batches[0])
                forged = statsig.post(b'[{"eventName":"purchase"}]', {**statsig.signed(b'[]')})[0]
                exit_code = relay.stop()
                listener.stop()
            return Relayed(
                len(batches),
                verified,
                expected_counts(sent, namespace=NAMESPACE),
                without_estimates(listener.counts(f'{NAMESPACE}.', without=f'{NAMESPACE}.relay.')),
                again,
                forged,
                exit_code,
                tuple(listener.wrong),
            )


def _show_counts(terminal: Terminal, relayed: Relayed) -> None:
    """For each metric its largest series, and what the others add up to."""
    by_metric: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for (metric, tags), sent in relayed.expected.items():
        by_metric[metric.removeprefix(f'{NAMESPACE}.')].append((sent, relayed.counted.get((metric, tags), 0), tags))
    rows = [tuple(terminal.style(cell, 'dim') for cell in (f'{NAMESPACE}.…', 'tags', 'sent', 'counted'))]
    for metric, series in sorted(by_metric.items()):
        (sent, counted, tags), *others = sorted(series, key=lambda one: (-one[0], one[2]))
        rows.append((metric, shortened(tags.replace(',', ' '), terminal.width - 42), f'{sent:,}', f'{counted:,}'))
        if others:
            sent, counted = sum(one[0] for one in others), sum(one[1] for one in others)
            rows.append(('', terminal.style(f'… {len(others)} more', 'dim'), f'{sent:,}', f'{counted:,}'))
    terminal.table(rows, right=(2, 3))


def _equal(relayed: Relayed) -> str:
    every = len({*relayed.expected, *relayed.counted})
    return f'{len(relayed.different)} of {every} series differ' if relayed.different else f'all {every} series equal'


def broken(relayed: Relayed) -> list[str]:
    """Which promises were not kept."""
    differences = f'{", ".join(relayed.different[:3])} ({many(len(relayed.different), "series", "series")})'
    checks = [
        (not relayed.verified, "the relay did not answer Statsig's question for its address"),
        (relayed.different, f'what the relay counted is not what was sent: {differences}'),
        (relayed.again != 200, f'a delivery made again was answered {relayed.again}'),
        (relayed.forged != 401, f'a forged delivery was answered {relayed.forged}'),
        (relayed.exit_code, f'the relay ended with exit code {relayed.exit_code}'),
        (relayed.wrong, f'an Agent would not take: {"; ".join(relayed.wrong[:3])}'),
    ]
    return [reason for is_broken, reason in checks if is_broken]
