"""The pictures in docs/images are of the dashboards as they are, and say what they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

import pytest

from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import SandboxServer
from tests.assets.drawing import CAPTION, OF_A_SERVICE, drawing, half_a_day, pictures
from tests.assets.files import ROOT, JsonObject, dashboards, widgets
from tests.assets.history import HOUR, MINUTE, History, StillClock, World
from tests.assets.invented import LABEL

IMAGES = ROOT / 'docs/images'
OVERVIEW, ROLLOUT, FIRST_LOOK = 'statsig_overview.svg', 'statsig_feature_rollout.svg', 'first_look.svg'


@pytest.fixture(scope='session')
def history() -> History:
    return half_a_day()


@pytest.fixture
def world() -> Iterator[World]:
    with SandboxServer(SandboxProject(seed=1, clock=StillClock())) as server:
        yield World(server)


def titles(board: JsonObject) -> list[str]:
    return [board['title'], *(each['definition'].get('title', '') for each in widgets(board))]


def tile(file: str, title: str, history: History) -> str:
    """The words in one widget of a board, without its title."""
    drawn = drawing(dashboards()[file], history)
    (found,) = re.findall(rf'<svg x=[^>]*>\n<rect [^\n]*\n<text [^\n]*>{title}</text>(.*?)</svg>', drawn, re.DOTALL)
    return ' '.join(re.findall(r'>([^<>\n]+)</text>', found))


def test_the_pictures_are_what_is_drawn_today(history: History) -> None:
    drawn = pictures(history)

    assert set(drawn) == {OVERVIEW, ROLLOUT, FIRST_LOOK}
    different = [name for name, picture in drawn.items() if (IMAGES / name).read_text(encoding='utf-8') != picture]
    assert different == [], '`make pictures` draws them again'


@pytest.mark.parametrize('file', dashboards())
def test_a_picture_shows_every_widget(file: str, history: History) -> None:
    picture = pictures(history)[file.replace('.json', '.svg')]

    assert [title for title in titles(dashboards()[file]) if title and f'>{escape(title)}<' not in picture] == []


@pytest.mark.parametrize('name', [OVERVIEW, ROLLOUT, FIRST_LOOK])
def test_a_picture_does_not_pass_for_a_screenshot_nor_invented_figures_for_real_ones(name: str) -> None:
    picture = (IMAGES / name).read_text(encoding='utf-8')
    graphs = picture.count('>http.request</text>')

    assert 'Not a screenshot of Datadog' in CAPTION
    assert f'>{CAPTION}{OF_A_SERVICE if graphs else ""}<' in picture
    assert picture.count(f'>{LABEL}<') == graphs == {OVERVIEW: 0, ROLLOUT: 3, FIRST_LOOK: 2}[name]


def test_the_first_look_is_small_enough_for_the_first_screen_and_says_that_it_is_not_all() -> None:
    picture = (IMAGES / FIRST_LOOK).read_text(encoding='utf-8')
    found = re.search(r'viewBox="0 0 (\d+) (\d+)"', picture)
    assert found
    width, height = map(int, found.groups())

    assert width <= 1200
    assert height <= 750
    assert len(picture) < 150_000
    assert '>Statsig - Feature rollout (shortened)<' in picture


def test_a_dead_agent_shows_no_green_on_the_overview(world: World) -> None:
    world.run(10 * MINUTE, every=MINUTE)
    alive = tile('statsig_overview.json', 'Statsig answers', world.history)
    world.wait(HOUR)
    world.history.now = world.now

    assert alive == '1'
    assert tile('statsig_overview.json', 'Statsig answers', world.history) == 'No data'


def test_what_there_has_never_been_is_zero_on_the_overview(world: World) -> None:
    for gate in world.project.gates.values():
        gate.update(type='TEMPORARY', typeReason='NONE')
    for experiment in world.project.experiments.values():
        experiment['healthCheckStatus'] = 'PASSED'
    world.run(10 * MINUTE, every=MINUTE)

    for title in ('Changes that users get', 'Failing experiments', 'Stale gates'):
        assert tile('statsig_overview.json', title, world.history) == '0', title
