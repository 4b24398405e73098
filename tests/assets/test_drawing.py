"""The pictures in docs/images are of the dashboards as they are, and say what they are."""

from __future__ import annotations

from html import escape

import pytest

from tests.assets.drawing import CAPTION, drawing, half_a_day
from tests.assets.files import ROOT, JsonObject, dashboards, widgets
from tests.assets.history import History

PICTURES = {
    file: (ROOT / 'docs/images' / file).with_suffix('.svg').read_text(encoding='utf-8') for file in dashboards()
}


@pytest.fixture(scope='session')
def history() -> History:
    return half_a_day()


def titles(board: JsonObject) -> list[str]:
    return [board['title'], *(each['definition'].get('title', '') for each in widgets(board))]


@pytest.mark.parametrize('file', dashboards())
def test_the_picture_shows_every_widget_and_no_other(file: str, history: History) -> None:
    drawn = drawing(dashboards()[file], history)

    assert [title for title in titles(dashboards()[file]) if f'>{escape(title)}<' not in PICTURES[file] and title] == []
    assert PICTURES[file].count('<svg') == drawn.count('<svg'), 'python -m tests.assets.drawing docs/images'


@pytest.mark.parametrize('file', dashboards())
def test_the_picture_does_not_pass_for_a_screenshot(file: str) -> None:
    assert 'Not a screenshot of Datadog' in CAPTION
    assert f'>{CAPTION}<' in PICTURES[file]
