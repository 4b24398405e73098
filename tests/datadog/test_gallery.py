from __future__ import annotations

from statsig.datadog.action_words import GROUPS
from tests.datadog.gallery import GROUPS_IN_WORDS, PAGE, SIGNS, chosen, page
from tests.datadog.notices import notice_of_case


def test_the_gallery_shows_what_the_code_sends() -> None:
    assert PAGE.read_text(encoding='utf-8') == page(), 'make gallery'


def test_the_gallery_shows_something_of_every_group() -> None:
    assert set(GROUPS_IN_WORDS) == set(GROUPS)
    assert [group for group, cases in chosen().items() if not cases] == []


def test_the_gallery_shows_each_sign_and_each_kind_that_its_words_name() -> None:
    notices = [notice_of_case(raw, options) for cases in chosen().values() for _, raw, options in cases]

    assert {notice.alert_type for notice in notices} == set(SIGNS)
    named = ('gate', 'dynamic_config', 'experiment', 'layer', 'holdout', 'segment', 'param_store')
    assert {notice.reading.action.kind for notice in notices} >= set(named)
