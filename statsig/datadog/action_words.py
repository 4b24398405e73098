"""The words of which Statsig's action types are made, and what each means. Read by `actions`."""

from __future__ import annotations

# Words that say what kind of thing it is, the more telling first: `update_config_release_pipeline` is a pipeline's.
KINDS: tuple[tuple[str, str], ...] = (
    ('ai config', 'ai_config'),
    ('ai dataset', 'ai_dataset'),
    ('ai playground', 'ai_playground'),
    ('power analysis', 'power_analysis'),
    ('release pipeline', 'release_pipeline'),
    ('param store', 'param_store'),
    ('dynamic config', 'dynamic_config'),
    ('dynamic configs', 'dynamic_config'),
    ('feature gate', 'gate'),
    ('gate', 'gate'),
    ('gates', 'gate'),
    ('autotune experiment', 'autotune'),
    ('autotune', 'autotune'),
    ('experiment data report', 'report'),
    ('data report', 'report'),
    ('scheduled custom pulse query', 'report'),
    ('scheduled pulse custom query', 'report'),
    ('scheduled pulse query', 'report'),
    ('report link', 'report'),
    ('pulse query', 'report'),
    ('custom query', 'report'),
    ('experiment', 'experiment'),
    ('experiments', 'experiment'),
    ('geotest', 'experiment'),
    ('layer', 'layer'),
    ('holdout', 'holdout'),
    ('assignment source', 'source'),
    ('entity property source', 'source'),
    ('metric source', 'source'),
    ('ingestion source', 'source'),
    ('source', 'source'),
    ('guardrail metric alert', 'alert'),
    ('metric alert', 'alert'),
    ('topline alert', 'alert'),
    ('alert', 'alert'),
    ('custom metric', 'metric'),
    ('metric', 'metric'),
    ('metrics', 'metric'),
    ('id list', 'segment'),
    ('segment', 'segment'),
    ('dashboard', 'dashboard'),
    ('sdk key', 'sdk_key'),
    ('api key', 'api_key'),
    ('secret key', 'api_key'),
    ('target app', 'target_app'),
    ('customer app', 'target_app'),
    ('integration', 'integration'),
    ('team', 'team'),
    ('company member', 'user'),
    ('organization member', 'user'),
    ('user', 'user'),
    ('tag', 'tag'),
    ('config', 'config'),
    ('project', 'project'),
    ('organization', 'organization'),
    ('company', 'organization'),
    ('org', 'organization'),
)

# What is done, as said of the thing it was done to.
VERBS: dict[str, str] = {
    'abandon': 'abandoned',
    'accept': 'accepted',
    'activate': 'activated',
    'add': 'added',
    'apply': 'applied',
    'archive': 'archived',
    'attach': 'attached',
    'backfill': 'backfilled',
    'cancel': 'cancelled',
    'clone': 'cloned',
    'commit': 'committed',
    'completed': 'completed',
    'create': 'created',
    'deactivate': 'deactivated',
    'delete': 'deleted',
    'disable': 'disabled',
    'dismiss': 'dismissed',
    'drop': 'dropped',
    'edit': 'updated',
    'enable': 'enabled',
    'export': 'exported',
    'extend': 'extended',
    'generate': 'generated',
    'launch': 'launched',
    'load': 'loaded',
    'login': 'logged in',
    'modify': 'updated',
    'pause': 'paused',
    'pin': 'pinned',
    'publish': 'published',
    'regenerate': 'regenerated',
    'reject': 'rejected',
    'remove': 'removed',
    'rename': 'renamed',
    'resalt': 'resalted',
    'reset': 'reset',
    'resolve': 'resolved',
    'restart': 'restarted',
    'restore': 'restored',
    'resume': 'resumed',
    'revert': 'rolled back',
    'revoke': 'revoked',
    'rollback': 'rolled back',
    'rollout': 'launched',
    'schedule': 'scheduled',
    'set': 'updated',
    'ship': 'launched',
    'start': 'started',
    'stop': 'stopped',
    'stopped': 'stopped',
    'toggle': 'toggled',
    'unarchive': 'unarchived',
    'unattach': 'detached',
    'unsnooze': 'unsnoozed',
    'update': 'updated',
    'upload': 'uploaded',
    'upsert': 'updated',
    'verify': 'verified',
}

GROUPS = (
    'rollouts',
    'experiments',
    'reviews',
    'housekeeping',
    'metrics',
    'data',
    'dashboards',
    'alerts',
    'ai',
    'access',
    'integrations',
    'billing',
    'settings',
    'other',
)

GROUP_OF_KIND: dict[str, str] = {
    **dict.fromkeys(
        ('gate', 'dynamic_config', 'config', 'layer', 'holdout', 'segment', 'param_store', 'release_pipeline'),
        'rollouts',
    ),
    **dict.fromkeys(('experiment', 'autotune', 'power_analysis'), 'experiments'),
    'metric': 'metrics',
    'alert': 'alerts',
    **dict.fromkeys(('source', 'warehouse'), 'data'),
    **dict.fromkeys(('dashboard', 'report', 'playlist'), 'dashboards'),
    **dict.fromkeys(('ai_config', 'ai_dataset', 'ai_playground'), 'ai'),
    **dict.fromkeys(('sdk_key', 'api_key', 'user', 'team', 'role'), 'access'),
    'integration': 'integrations',
    'billing': 'billing',
    'tag': 'housekeeping',
    **dict.fromkeys(('project', 'organization', 'target_app'), 'settings'),
}

# What an action on a project or an organisation belongs to, by the words of the part concerned.
GROUP_OF_PART: tuple[tuple[str, str], ...] = (
    ('AI ', 'ai'),
    ('SSO', 'access'),
    ('OIDC', 'access'),
    ('invite', 'access'),
    ('e-mail domain', 'access'),
    ('role', 'access'),
    ('owner', 'access'),
    ('key', 'access'),
    ('review', 'reviews'),
    ('self-approval', 'reviews'),
    ('metric', 'metrics'),
    ('SRM', 'experiments'),
    ('experiment', 'experiments'),
    ('analytics', 'settings'),
    ('gate', 'rollouts'),
    ('rollback', 'rollouts'),
)

# Parts whose words are a field's name rather than a person's.
PART_NAMES = {
    'id type': 'ID type',
    'is permanent': 'permanence',
    'is verified': 'verification',
    'review required': 'review requirement',
    'enabled non prod environments': 'non-production environments',
    'dataset csv': 'dataset',
}

# Parts of a gate, an experiment and so on by which nobody gets anything else than before.
UPKEEP = frozenset(
    {
        'owners',
        'owner',
        'description',
        'tag',
        'tags',
        'target apps',
        'display name',
        'name',
        'monitoring metrics',
        'permanence',
        'discussion post',
        'snapshot',
        'following',
        'chart',
        'decision note',
        'summary sections',
        'template',
    }
)

# Parts of an experiment that do reach users.
EXPERIMENT_PARTS_IN_FORCE = frozenset(
    {'', 'overrides', 'assignment', 'group', 'salt', 'rollout', 'start', 'scheduled start', 'stop of new assignment'}
    | {'non-production environments'}
)

# Parts of a gate, config, layer and so on that do not: they matter to the analysis only.
ROLLOUT_PARTS_NOT_IN_FORCE = frozenset(
    {'analytics', 'user sampling rate', 'storing of 0 % and 100 % exposures', 'release pipeline'}
)

# Nothing of the project's configuration is other than before: somebody looked, asked, exported, or a job ran.
NO_CHANGE_VERBS = frozenset({'loaded', 'exported', 'logged in', 'waiting for review', 'backfilled'})
NO_CHANGE_PARTS = frozenset(
    {'discussion post', 'following', 'favorite', 'completion job', 'version evaluation job', 'runaway entity', 'run'}
    | {'backfills', 'data quality checks'}
)
