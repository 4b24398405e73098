"""Around the project: upkeep, reviews, people and keys, integrations, billing, settings."""

from __future__ import annotations

from tests.datadog.entries.building import Case, changed, raw

_OWNERS = {
    'owner': changed({'ownerName': 'Jane Doe', 'ownerEmail': 'jane.doe@example.com'}, {'ownerName': 'John Roe'}),
}

CASES: list[Case] = [
    (
        'owner, tags and description',
        raw(
            'gate_update',
            'checkout_v2',
            {
                **_OWNERS,
                'tags': changed(['beta', 'web'], ['web', 'core']),
                'team': changed(None, 'Payments'),
                'teamID': changed(None, '5Ksl2'),
                'description': changed('', 'New checkout'),
            },
        ),
        {},
    ),
    (
        'the same, people hidden',
        raw(
            'gate_update',
            'checkout_v2',
            {**_OWNERS, 'description': changed('', 'Ask jane_doe, John Roe or ops@example.com')},
        ),
        {'hide_author': True},
    ),
    (
        'a tag added to a gate',
        raw(
            'config_add_tag',
            'checkout_v2',
            {'tags': changed(['web'], ['web', 'core'])},
            changeLog='Added Tag to Gate',
        ),
        {},
    ),
    ('a tag made a core tag', raw('tag_edit', 'payments', {'isCore': changed(False, True)}), {}),
    (
        'a gate put into target apps',
        raw(
            'config_edit_target_apps',
            'checkout_v2',
            {'targetApps': changed(['web'], ['web', 'ios'])},
            targetAppIDs=['web', 'ios'],
        ),
        {},
    ),
    (
        'a review asked for',
        raw(
            'config_review_create',
            'checkout_v2',
            changeLog='Requested review of Gate: widen to 50 %\nReviewers: payments-leads',
        ),
        {},
    ),
    (
        'a review accepted',
        raw('config_review_accept', 'checkout_v2', changeLog='Accepted review of Gate: looks good'),
        {},
    ),
    (
        'a reviewed change put into force',
        raw(
            'config_review_commit',
            'checkout_v2',
            {'isEnabled': changed(False, True)},
            changeLog='Committed review of Gate',
        ),
        {},
    ),
    (
        'reviews no longer asked for',
        raw('config_reviews_disable', 'checkout_v2', changeLog='Turned off reviews of Gate'),
        {},
    ),
    (
        'reviewers, people hidden',
        raw('config_allowed_reviewers_update', 'checkout_v2', changeLog='Added Mary Major'),
        {'hide_author': True},
    ),
    (
        'an SDK key deactivated',
        raw('sdk_key_deactivate', 'server key 2', {'status': changed('active', 'deactivated')}),
        {},
    ),
    (
        'what an SDK key may do',
        raw(
            'sdk_key_update_scopes',
            'ci key',
            {'scopes': changed(['omni_read_only'], ['omni_read_write', 'can_access_keys'])},
        ),
        {},
    ),
    (
        'where an SDK key counts',
        raw(
            'sdk_key_update_environments',
            'server key 1',
            {'environments': changed(['staging'], ['staging', 'production'])},
        ),
        {},
    ),
    ('single sign-on off', raw('SSO_disable', ''), {}),
    ('the role of a person', raw('user_role_update', 'John Roe', {'role': changed('Member', 'Admin')}), {}),
    (
        'what a role may do',
        raw(
            'upsert_user_role',
            'Release manager',
            {
                'permissions': changed(
                    {'launch_to_production': False, 'approve_reviews': True, 'self_approve_review': False},
                    {'launch_to_production': True, 'approve_reviews': True, 'self_approve_review': True},
                )
            },
        ),
        {},
    ),
    ('a log-in', raw('user_login', '', changeLog='Logged in with SSO'), {}),
    (
        'a team',
        raw(
            'update_team_settings',
            'Payments',
            {'requireReviews': changed(False, True), 'reviewApproval': changed('anyone', 'admin_only')},
        ),
        {},
    ),
    ('the integration switched off', raw('integration_set_enabled', 'Datadog', {'enabled': changed(True, False)}), {}),
    (
        'what an integration is not told',
        raw(
            'integration_update_disabled_events',
            'Slack',
            {'disabledEvents': changed([], ['gate_exposure', 'log_event'])},
        ),
        {},
    ),
    ('billing', raw('set_plan_type', 'Example Inc.', {'planType': changed('pro', 'enterprise')}), {}),
    ('a payment method', raw('delete_payment_method', 'Example Inc.', changeLog='Deleted card ending in 4242'), {}),
    (
        'the environments of the project',
        raw(
            'company_environments_edit',
            'Example Inc.',
            {
                'environments': changed(
                    [
                        {'id': 'e1', 'name': 'staging', 'isProduction': False, 'requiresReview': False},
                        {'id': 'e2', 'name': 'production', 'isProduction': True, 'requiresReview': False},
                    ],
                    [
                        {'id': 'e1', 'name': 'staging', 'isProduction': False, 'requiresReview': False},
                        {'id': 'e2', 'name': 'production', 'isProduction': True, 'requiresReview': True},
                        {'id': 'e3', 'name': 'canary', 'isProduction': True, 'requiresReview': False},
                    ],
                )
            },
        ),
        {},
    ),
    (
        'self-approvals allowed',
        raw('set_self_approvals_blocked', 'acme', {'selfApprovalsBlocked': changed(True, False)}),
        {},
    ),
    ('a target app', raw('create_customer_app', 'ios', changeLog='Created Target App'), {}),
]
