"""Every dashboard is laid out on Datadog's grid of 12 columns: nothing overlaps, nothing is cut off."""

from __future__ import annotations

from itertools import combinations

import pytest

from tests.assets.files import JsonObject, every_dashboard, widgets

COLUMNS = 12
TITLE_ROW = 1  # of a group


def overlapping(siblings: list[JsonObject]) -> list[tuple[str, str]]:
    def apart(a: JsonObject, b: JsonObject) -> bool:
        beside = a['x'] + a['width'] <= b['x'] or b['x'] + b['width'] <= a['x']
        return bool(beside or a['y'] + a['height'] <= b['y'] or b['y'] + b['height'] <= a['y'])

    pairs = combinations(siblings, 2)
    return [(title(a), title(b)) for a, b in pairs if not apart(a['layout'], b['layout'])]


def title(widget: JsonObject) -> str:
    definition = widget['definition']
    return str(definition.get('title') or definition['content'])


def bottom(siblings: list[JsonObject]) -> int:
    return max(int(each['layout']['y'] + each['layout']['height']) for each in siblings)


@pytest.mark.parametrize('file', every_dashboard())
def test_no_widget_overlaps_another_or_leaves_the_grid(file: str) -> None:
    board = every_dashboard()[file]
    groups = [board, *(widget['definition'] for widget in widgets(board) if widget['definition']['type'] == 'group')]

    for group in groups:
        assert overlapping(group['widgets']) == []
        for widget in group['widgets']:
            layout = widget['layout']
            assert layout['x'] >= 0, title(widget)
            assert layout['y'] >= 0, title(widget)
            assert layout['width'] > 0 < layout['height'], title(widget)
            assert layout['x'] + layout['width'] <= COLUMNS, title(widget)


@pytest.mark.parametrize('file', every_dashboard())
def test_the_board_is_a_column_of_titled_groups_without_gaps(file: str) -> None:
    y = 0
    for group in every_dashboard()[file]['widgets']:
        definition, layout = group['definition'], group['layout']
        assert (definition['type'], definition['show_title']) == ('group', True)
        assert definition['title']
        assert (layout['x'], layout['y'], layout['width']) == (0, y, COLUMNS)
        assert layout['height'] == bottom(definition['widgets']) + TITLE_ROW, definition['title']
        y += layout['height']


@pytest.mark.parametrize('file', every_dashboard())
def test_a_group_fills_its_rectangle(file: str) -> None:
    """Datadog moves widgets up into gaps, and then nothing stands where it was meant to."""
    for group in every_dashboard()[file]['widgets']:
        members = group['definition']['widgets']
        filled = sum(each['layout']['width'] * each['layout']['height'] for each in members)
        assert filled == COLUMNS * bottom(members), group['definition']['title']


@pytest.mark.parametrize('file', every_dashboard())
def test_every_widget_says_what_it_shows_and_none_says_it_twice(file: str) -> None:
    titles = [title(widget) for widget in widgets(every_dashboard()[file])]

    assert all(titles)
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize('file', every_dashboard())
def test_no_title_is_too_long_for_its_widget(file: str) -> None:
    """A column of a dashboard in a window of 1440 pixels holds about a dozen letters of a title."""
    titled = [each for each in widgets(every_dashboard()[file]) if 'title' in each['definition']]

    assert [title(each) for each in titled if len(title(each)) > 12 * each['layout']['width']] == []
