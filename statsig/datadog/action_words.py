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
    'approve': 'approved',
    'archive': 'archived',
    'assign': 'assigned',
    'attach': 'attached',
    'backfill': 'backfilled',
    'cancel': 'cancelled',
    'clone': 'cloned',
    'close': 'closed',
    'commit': 'committed',
    'completed': 'completed',
    'connect': 'connected',
    'convert': 'converted',
    'copy': 'copied',
    'create': 'created',
    'deactivate': 'deactivated',
    'delete': 'deleted',
    'deprecate': 'deprecated',
    'disable': 'disabled',
    'disconnect': 'disconnected',
    'dismiss': 'dismissed',
    'drop': 'dropped',
    'duplicate': 'duplicated',
    'edit': 'updated',
    'enable': 'enabled',
    'expire': 'expired',
    'export': 'exported',
    'extend': 'extended',
    'freeze': 'frozen',
    'generate': 'generated',
    'grant': 'granted',
    'hide': 'hidden',
    'import': 'imported',
    'install': 'installed',
    'invite': 'invited',
    'launch': 'launched',
    'load': 'loaded',
    'lock': 'locked',
    'login': 'logged in',
    'merge': 'merged',
    'migrate': 'migrated',
    'modify': 'updated',
    'move': 'moved',
    'mute': 'muted',
    'pause': 'paused',
    'pin': 'pinned',
    'promote': 'promoted',
    'publish': 'published',
    'refresh': 'refreshed',
    'regenerate': 'regenerated',
    'reject': 'rejected',
    'remove': 'removed',
    'rename': 'renamed',
    'reopen': 'reopened',
    'replace': 'replaced',
    'request': 'requested',
    'resalt': 'resalted',
    'reset': 'reset',
    'resolve': 'resolved',
    'restart': 'restarted',
    'restore': 'restored',
    'resume': 'resumed',
    'retry': 'retried',
    'revert': 'rolled back',
    'revoke': 'revoked',
    'rollback': 'rolled back',
    'rollout': 'launched',
    'rotate': 'rotated',
    'schedule': 'scheduled',
    'set': 'updated',
    'ship': 'launched',
    'snooze': 'snoozed',
    'start': 'started',
    'stop': 'stopped',
    'stopped': 'stopped',
    'submit': 'submitted',
    'suspend': 'suspended',
    'sync': 'synced',
    'terminate': 'stopped',
    'toggle': 'toggled',
    'transfer': 'transferred',
    'unarchive': 'unarchived',
    'unassign': 'unassigned',
    'unattach': 'detached',
    'uninstall': 'uninstalled',
    'unlock': 'unlocked',
    'unmute': 'unmuted',
    'unpin': 'unpinned',
    'unsnooze': 'unsnoozed',
    'update': 'updated',
    'upload': 'uploaded',
    'upsert': 'updated',
    'verify': 'verified',
    'withdraw': 'withdrawn',
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
    'conditions': 'rules',  # Statsig's older word for them
    'is permanent': 'permanence',
    'is verified': 'verification',
    'review required': 'review requirement',
    'enabled non prod environments': 'non-production environments',
    'dataset csv': 'dataset',
}

# Parts of a gate, an experiment and so on by which nobody gets anything else than before. Target apps are none: an SDK
# key of an app gets the gates and configs of that app only.
UPKEEP = frozenset(
    {
        'owners',
        'owner',
        'description',
        'tag',
        'tags',
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
    | {'non-production environments', 'target apps'}
)

# What reaches users though it belongs to another group: (kind, verb, part). A key that is gone, or that gets other
# environments or target apps, leaves its SDKs with other gates and configs or with none.
IN_FORCE_ELSEWHERE = frozenset(
    {
        *(('sdk_key', verb, '') for verb in ('deactivated', 'activated', 'deleted', 'revoked', 'regenerated')),
        *(('sdk_key', 'updated', part) for part in ('environments', 'scopes', 'target app')),
        ('api_key', 'regenerated', ''),
        *(('ai_config', 'updated', part) for part in ('', 'version', 'agent version', 'baseline version')),
        *(('ai_config', 'deleted', part) for part in ('', 'version')),
        ('project', 'archived', ''),
        ('project', 'updated', 'experiment exclusion segment'),
        ('organization', 'deleted', ''),
    }
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
