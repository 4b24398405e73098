"""Any entry whatever, and entries that name people wherever they can."""

from __future__ import annotations

from hypothesis import strategies as st

from statsig.console.records import AuditEntry

# fmt: off
KEYS = st.text(max_size=6) | st.sampled_from(
    [
        'rules', 'groups', 'old', 'new', 'id', 'name', 'baseID', 'passPercentage', 'percentagePass',
        'environments', 'enabledEnvironments', 'conditions', 'conditionJSON', 'conditionType', 'type',
        'operator', 'targetValue', 'value', 'field', 'overrides', 'environment', 'owner', 'ownerName', 'tags',
        'salt', 'isEnabled', 'status', 'rollouts', 'time', 'passPercent', 'returnValueJSON', 'defaultValue',
    ]
)
# fmt: on
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(['r1', '%%%', '<b>', 'j@x.com', '{"a": 1}', '[1', 'true', 10**400, -(10**4000), 1.7e12, '\ud800'])
)
ANY_JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=30
)
CHANGE = st.fixed_dictionaries({}, optional={'old': ANY_JSON, 'new': ANY_JSON}) | ANY_JSON
TEXT = st.text(max_size=300) | st.text('%`*_[]()<>&\\\n\r\u202e@#- ab1.', max_size=300)
ENTRIES = st.builds(
    AuditEntry,
    id=TEXT,
    name=TEXT,
    action=st.sampled_from(['gate_update', 'config_state_toggle', 'user_login', 'SSO_disable']) | TEXT,
    timestamp=st.integers(-(10**12), 10**15),
    change_log=TEXT,
    changes=st.none() | st.dictionaries(KEYS, CHANGE, max_size=4),
    author=TEXT,
    author_id=TEXT,
    author_email=TEXT,
    tags=st.lists(TEXT, max_size=3).map(tuple),
    target_apps=st.lists(TEXT, max_size=3).map(tuple),
)

SECRETS = ('Zaphod Quux', 'zaphod.quux', 'ZAPHOD_QUUX', 'zq42@hitch.example', 'other@hitch.example')
# A letter right before would make it another word.
_BEFORE = st.just('') | st.tuples(st.text('ab "(', max_size=130), st.sampled_from(' "(')).map(''.join)
TELLING = st.tuples(_BEFORE, st.sampled_from(SECRETS), st.text(' ,;"', min_size=1, max_size=3)).map(''.join)
TELLING_JSON = st.recursive(
    TELLING | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | TELLING, inner, max_size=4),
)
