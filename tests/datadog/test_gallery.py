from __future__ import annotations

from statsig.datadog.action_words import GROUPS
from tests.datadog.gallery import GROUPS_IN_WORDS, PAGE, chosen, page


def test_the_gallery_shows_what_the_code_sends() -> None:
    assert PAGE.read_text(encoding='utf-8') == page(), 'make gallery'


def test_the_gallery_shows_something_of_every_group() -> None:
    assert set(GROUPS_IN_WORDS) == set(GROUPS)
    assert [group for group, cases in chosen().items() if not cases] == []
