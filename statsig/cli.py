"""The command `statsig-datadog`. Each subcommand imports what it needs, so that none pays for the others."""

from __future__ import annotations

import argparse
import io
import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from statsig.commands.terminal import Terminal

DESCRIPTION = """\
Statsig in Datadog: exposure counts as metrics, changes of gates, experiments and configs as events.

  statsig-datadog demo                       see what you would get; needs no account, no Agent, 20 seconds
  statsig-datadog check --config conf.yaml   try your own configuration; sends nothing
  statsig-datadog poll --config conf.yaml    the same, sending through DogStatsD: no Agent check needed
  statsig-datadog relay --config relay.yaml  receive Statsig's webhook, send counts to DogStatsD
  statsig-datadog triggers --help            a Datadog monitor turns a Statsig gate off: log, rehearsal, setup
  statsig-datadog sandbox --port 8089        a Statsig project in a box, to point an Agent at
"""
EXIT_CODES = """\
exit codes:
  0  it went well
  1  it ran and failed (Statsig cannot be reached, the API key is refused, …)
  2  wrong usage or configuration; one line says which option
"""
CHECK = """\
Runs the Agent's check once for each instance of a conf.yaml, and prints what it would send to Datadog.
Nothing is sent, and no cursor is written: the Agent's own state is neither read nor changed.

The API key comes from the file, or from the environment variable STATSIG_CONSOLE_API_KEY, which wins.
An ENC[...] handle in the file is resolved by Agents only: use the variable.

example:
  STATSIG_CONSOLE_API_KEY=console-... statsig-datadog check --config /etc/datadog-agent/conf.d/statsig.d/conf.yaml
"""
DEMO = """\
Starts a Statsig project in a box, lets people change things in it, runs the real check against it the way an
Agent does, kills that Agent and starts it again, and shows what would reach Datadog. Then it sends webhooks to the
relay, where that is installed, and compares what DogStatsD gets. Nothing leaves this machine. The exit code is 1 when
something that is promised did not happen.

example:
  statsig-datadog demo --seed 7
"""
POLL = """\
Does the check's whole job without an Agent check: reads the same conf.yaml, asks Statsig at the same interval, and
sends metrics and events to the Agent through DogStatsD. Every change becomes one event, over restarts too: the position
in the audit log is kept in files of --state-dir, which one process at a time may use. It runs until SIGTERM or SIGINT.

The API key comes from the file, or from the environment variable STATSIG_CONSOLE_API_KEY, which wins.
Change events and logs (send_change_events, send_logs) cannot go over DogStatsD. docs/poll.md says when to use what.

It needs the extra `relay` of this package: pip install 'datadog-statsig[relay]'

examples:
  statsig-datadog poll --config conf.yaml --dogstatsd unix:///var/run/datadog/dsd.socket
  STATSIG_CONSOLE_API_KEY=console-... statsig-datadog poll --config conf.yaml --state-dir ./state --once
"""
RELAY = """\
Receives Statsig's webhook on POST /webhooks/statsig, verifies and counts its events, and sends the counts to the
Agent through DogStatsD: exposures with environment, name, value and group. It runs until SIGTERM or SIGINT; what was
counted by then is sent before it ends. GET /healthz and /readyz are for probes.

The least that a configuration needs (docs/relay.md has all options, and how to set up the webhook in Statsig):

  metric_namespace: statsig
  statsig_webhook:
    signing_secret: ${STATSIG_WEBHOOK_SECRET}

It needs the extra `relay` of this package: pip install 'datadog-statsig[relay]'

example:
  STATSIG_WEBHOOK_SECRET=... statsig-datadog relay --config relay.yaml
"""
TRIGGERS = """\
Triggers are part of the relay: an alert of a Datadog monitor turns a Statsig gate off (docs/triggers.md).

  statsig-datadog triggers setup --config relay.yaml                  what to set up in Datadog, also as Terraform
  statsig-datadog triggers test --config relay.yaml --rule NAME       a rule, end to end, all but the change
  statsig-datadog triggers log --config relay.yaml                    what came in, what was decided, what was done
  statsig-datadog triggers template                                   the webhook's payload, alone
"""
TRIGGERS_TEST = """\
Runs one rule against the real gate, all but the change: decides as if its monitor alerted now, with the journal's
cycles, cooldowns and breaker, reads the gate from Statsig, and says what would be done. It uses up nothing.
The relay may be running.

exit code 0: the rule would do its work; 1: it would not, or Statsig cannot be asked; 2: wrong configuration
"""
TRIGGERS_LOG = """\
Shows the newest lines of the journal, newest last: requests, decisions and why, actions with each step.
Times are in UTC. Works while the relay runs, and needs none of its secrets.
"""
SANDBOX = """\
Serves the Console API of a Statsig project that lives in this process: gates and experiments with traffic, people
who change them. To try the check in an Agent of your own without a Statsig account, put into its conf.yaml:

  instances:
    - api_url: http://127.0.0.1:8089
      api_key: console-sandbox

example:
  statsig-datadog sandbox --port 8089 --speed 60     an hour's changes every minute
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one subcommand; returns the exit code. Raises SystemExit as argparse does: 2 for wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='replace')  # a terminal that cannot show `→` shows `?`
    parser = _parser()
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments:
        parser.print_help()
        return 2
    options = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader had enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _demo(options: argparse.Namespace) -> int:
    from statsig.commands.demo import DemoFailedError, demo

    try:
        demo(Terminal(), seed=options.seed)
    except DemoFailedError as error:
        return _failed(str(error), 1)
    return 0


def _check(options: argparse.Namespace) -> int:
    from statsig.commands.dry_run import dry_run
    from statsig.commands.instances import UnusableConfigurationError

    try:
        return 0 if dry_run(options.config, options.json, Terminal()) else 1
    except UnusableConfigurationError as error:
        return _failed(str(error), 2)


def _poll(options: argparse.Namespace) -> int:
    from statsig.commands.instances import UnusableConfigurationError

    try:
        from statsig.poll.run import run_poll
    except ModuleNotFoundError as error:
        return _failed(f"{error.name} is not installed: pip install 'datadog-statsig[relay]'", 2)
    try:
        return run_poll(options.config, os.environ, options.dogstatsd, options.state_dir, options.once)
    except UnusableConfigurationError as error:
        return _failed(str(error), 2)


def _relay(options: argparse.Namespace) -> int:
    try:
        from statsig.relay.options import ConfigurationError
        from statsig.relay.run import RefusedBySystemError, run_relay
    except ModuleNotFoundError as error:
        return _failed(f"{error.name} is not installed: pip install 'datadog-statsig[relay]'", 2)
    try:
        return run_relay(options.config, os.environ)
    except ConfigurationError as error:
        return _failed(str(error), 2)
    except RefusedBySystemError as error:  # not 2: an init system that is told so would not try again
        return _failed(str(error), 1)


def _triggers(options: argparse.Namespace) -> int:
    try:
        from statsig.commands import triggers
        from statsig.relay.options import ConfigurationError
        from statsig.relay.triggers.database import JournalError
    except ModuleNotFoundError as error:
        return _failed(f"{error.name} is not installed: pip install 'datadog-statsig[relay]'", 2)
    terminal = Terminal()
    try:
        if options.what == 'template':
            triggers.show_template(terminal)
        elif options.what == 'setup':
            triggers.show_setup(terminal, options.config, os.environ, options.address)
        elif options.what == 'log':
            directory = triggers.log_directory(options.config, options.state_dir, os.environ)
            triggers.show_log(terminal, directory, options.last, options.json, options.acted)
        else:
            return 0 if triggers.rehearse(terminal, options.config, os.environ, options.rule) else 1
    except (ConfigurationError, JournalError) as error:
        return _failed(str(error), 2)
    except sqlite3.Error as error:
        return _failed(f'the journal cannot be used: {error}', 1)
    return 0


def _sandbox(options: argparse.Namespace) -> int:
    from statsig.sandbox.run import run_sandbox

    try:
        run_sandbox(options.port, options.seed, options.speed)
    except OSError as error:
        return _failed(f'--port {options.port} cannot be listened on: {error.strerror}', 2)
    return 0


def _failed(message: str, code: int) -> int:
    terminal = Terminal(sys.stderr)
    terminal.line(f'{terminal.style("error:", "red")} {message}')
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _formatted(argparse.ArgumentParser(prog='statsig-datadog', description=DESCRIPTION, epilog=EXIT_CODES))
    parser.add_argument('--version', action='version', version=f'%(prog)s {_version()}')
    commands = parser.add_subparsers(title='commands', required=True, metavar='COMMAND')

    demo = _formatted(commands.add_parser('demo', help='show what would reach Datadog', description=DEMO))
    demo.add_argument('--seed', type=int, default=1, help='another number, another project (default: 1)')
    demo.set_defaults(run=_demo)

    check = _formatted(commands.add_parser('check', help='try a configuration, send nothing', description=CHECK))
    check.add_argument('--config', type=Path, required=True, metavar='FILE', help="the Agent's conf.yaml")
    check.add_argument('--json', action='store_true', help='print one JSON array, an object for each instance')
    check.set_defaults(run=_check)

    poll = _formatted(commands.add_parser('poll', help='the check without an Agent check', description=POLL))
    poll.add_argument('--config', type=Path, required=True, metavar='FILE', help="the check's conf.yaml")
    poll.add_argument(
        '--dogstatsd',
        metavar='URL',
        help='unix:///path or udp://host:port (default: DD_DOGSTATSD_URL, else DD_AGENT_HOST and DD_DOGSTATSD_PORT, '
        'else udp://127.0.0.1:8125)',
    )
    poll.add_argument(
        '--state-dir',
        type=Path,
        default=Path('/var/lib/statsig-datadog'),
        metavar='DIR',
        help='where the position in the audit log is kept (default: /var/lib/statsig-datadog)',
    )
    poll.add_argument('--once', action='store_true', help='one run of each instance; exit code 1 if anything failed')
    poll.set_defaults(run=_poll)

    relay = _formatted(commands.add_parser('relay', help="Statsig's webhook in, DogStatsD out", description=RELAY))
    relay.add_argument('--config', type=Path, required=True, metavar='FILE', help="the relay's own YAML file")
    relay.set_defaults(run=_relay)

    _add_triggers(commands)

    sandbox = _formatted(commands.add_parser('sandbox', help='serve a Statsig project in a box', description=SANDBOX))
    sandbox.add_argument('--port', type=_port, default=8089, help='on 127.0.0.1 (default: 8089; 0: any free one)')
    sandbox.add_argument('--seed', type=int, default=1, help='another number, another project (default: 1)')
    sandbox.add_argument(
        '--speed',
        type=_speed,
        default=60.0,
        help='how often people change things, compared with real life (default: 60)',
    )
    sandbox.set_defaults(run=_sandbox)
    return parser


def _add_triggers(commands: Any) -> None:
    parser = _formatted(commands.add_parser('triggers', help='a monitor turns a gate off', description=TRIGGERS))
    parts = parser.add_subparsers(title='commands', required=True, metavar='COMMAND', dest='what')
    config: dict[str, Any] = {'type': Path, 'metavar': 'FILE', 'help': "the relay's YAML file"}

    setup = _formatted(parts.add_parser('setup', help='what to set up in Datadog, also as Terraform'))
    setup.add_argument('--config', required=True, **config)
    setup.add_argument(
        '--address',
        default='https://relay.example.com',
        metavar='URL',
        help='where Datadog reaches the relay (default: https://relay.example.com); not needed with `mode: watch`',
    )
    test = _formatted(parts.add_parser('test', help='rehearse a rule', description=TRIGGERS_TEST))
    test.add_argument('--config', required=True, **config)
    test.add_argument('--rule', required=True, metavar='NAME', help='its `name`')
    log = _formatted(parts.add_parser('log', help='show the journal', description=TRIGGERS_LOG))
    where = log.add_mutually_exclusive_group()
    where.add_argument('--config', **config)
    where.add_argument(
        '--state-dir', type=Path, metavar='DIR', help='where the journal is (default: /var/lib/statsig-datadog)'
    )
    log.add_argument('--last', type=_positive, default=20, metavar='N', help='how many requests (default: 20)')
    log.add_argument('--acted', action='store_true', help='only those that an action followed from')
    log.add_argument('--json', action='store_true', help='one JSON array')
    template = _formatted(parts.add_parser('template', help="the webhook's payload, alone"))
    for each in (setup, test, log, template):
        each.set_defaults(run=_triggers)


def _formatted(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXIT_CODES
    return parser


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f'{text!r} is not a port: expected 0 to 65535')
    return int(text)


def _positive(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f'{text!r} is not a number from 1 to 1000000')
    return int(text)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = -1.0
    if not 0 <= speed <= 100_000:
        raise argparse.ArgumentTypeError(f'{text!r} is not a speed: expected a number from 0 to 100000')
    return speed


def _version() -> str:
    """The installed version; of a source tree that is not installed, the one it would have."""
    try:
        return version('datadog-statsig')
    except PackageNotFoundError:
        about = Path(__file__).resolve().parent.parent / 'datadog_checks' / 'statsig' / '__about__.py'
        return about.read_text(encoding='utf-8').split("'")[1] if about.is_file() else 'unknown'


if __name__ == '__main__':
    sys.exit(main())
