"""Which fields are about people or hold secrets: the decision for every name that looks like it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from statsig.datadog.sensitive_fields import looks_like_a_secret, meaning_of

DOCUMENT = Path(__file__).parents[2].parent / 'shared' / 'statsig-console-openapi.json'

# fmt: off
# Of the OpenAPI document.
PEOPLE = {
    'actorID', 'actorName', 'admins', 'allowedReviewers', 'committer', 'creatorEmail', 'creatorID', 'creatorName',
    'email', 'emails', 'firstName', 'lastModifierEmail', 'lastModifierID', 'lastModifierName', 'lastName', 'members',
    'modifierEmail', 'owner', 'ownerEmail', 'ownerID', 'ownerName', 'submitter', 'updatedBy', 'updatedByUserID',
    'serviceUserName',  # of the warehouse, at times a person's own
}
SECRETS = {
    'accessToken', 'privateKey', 'keyPassPhrase', 'serviceUserPassword', 'deltaSharingCredentials', 'workflow_headers',
    'auth_workflow_headers',
}
PERHAPS_SECRETS = {'key', 'token', 'metadataKey', 'max_tokens', 'accessToken', 'privateKey'} | {
    'auth_workflow_headers', 'workflow_headers',
}
# Looked at and found to be neither: permissions, settings, things, and ids of the customer's own users.
NEITHER = {
    'accountName', 'activeReview', 'approve_reviews', 'bypass_reviews_for_overrides', 'companyName', 'displayName',
    'failingUserIDs', 'group', 'groupName', 'groups', 'invitation_access', 'metricGroupBys', 'name', 'oauthClientID',
    'orgName', 'ownerType', 'passingUserIDs', 'permissions', 'requiredReview', 'requiredReviewGroupID',
    'reviewApproval', 'reviewID', 'reviewSettings', 'reviewStatus', 'role', 'self_approve_review', 'statusByDate',
    'team', 'teamID', 'teams', 'userID', 'userIDOverrides', 'winner', 'max_tokens', 'primary_id_type', 'identifier',
}
# Not in the document: the audit log's own fields are published nowhere.
MORE_PEOPLE = {
    'approvedBy', 'requestedBy', 'createdby', 'created_by_name', 'launchedBy', 'reviewBy', 'collaborators', 'watchers',
    'stakeholders', 'assignedTo', 'assignee', 'followers', 'author', 'coOwners', 'OWNER_EMAIL', 'userName', 'ownername',
    'e-mail', 'emailAddress', 'lastEditor', 'invitees', 'team_members', 'recipients', 'username', 'lastModifierId',
}
MORE_SECRETS = {
    'webhookSecret', 'secret', 'apiKey', 'api_key', 'password', 'db_password', 'clientSecret', 'signing_secret',
    'secretKey', 'authToken', 'refresh_token', 'passphrase', 'connectionString', 'Authorization', 'credentials',
}
MORE_OF_NEITHER = {
    'rememberMe', 'authorizationMode', 'token_limit', 'tokenizer', 'secret_santa_enabled', 'passwordless', 'groupBy',
    'order_by', 'sortedBy', 'userIDs', 'user_id', 'users', 'user', 'standby', 'emailDomain', 'emailVerified',
    'keyboard', 'memberCount', 'isCompassEnabled', 'authority', 'factor', 'monkey', 'defaultValue', 'hobby',
    'passPercentage',
}
# fmt: on


@pytest.mark.parametrize('field', sorted(PEOPLE | MORE_PEOPLE))
def test_fields_about_people(field: str) -> None:
    assert meaning_of(field).people
    assert not meaning_of(field).secret


@pytest.mark.parametrize('field', sorted(SECRETS | MORE_SECRETS))
def test_fields_of_secrets(field: str) -> None:
    assert meaning_of(field).secret


@pytest.mark.parametrize('field', sorted(NEITHER | MORE_OF_NEITHER))
def test_fields_that_are_told(field: str) -> None:
    assert not meaning_of(field).people
    assert not meaning_of(field).secret


@pytest.mark.skipif(not DOCUMENT.exists(), reason=f'{DOCUMENT.name} belongs into ../shared/')
def test_of_all_the_names_of_statsigs_document_these_and_no_others_are_hidden() -> None:
    names = set(_properties(json.loads(DOCUMENT.read_text(encoding='utf-8'))))

    assert len(names) > 500
    assert {name for name in names if meaning_of(name).people} == PEOPLE
    assert {name for name in names if meaning_of(name).secret} == SECRETS
    assert {name for name in names if meaning_of(name).perhaps_secret} == PERHAPS_SECRETS
    assert names >= NEITHER


def _properties(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get('properties'), dict):
            yield from value['properties']
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _properties(item)


@pytest.mark.parametrize(
    ('value', 'is_one'),
    [
        ('9fK2mQx71bZr4Tw8', True),
        ('d41d8cd98f00b204e9800998ecf8427e', True),
        ('console-' + 'a1B2' * 8, True),
        ('checkout_button_color_v2', False),
        ('checkoutButtonColorVariant2', False),
        ('8df8a90e-d9bb-1123-c9be-1a022d9bda58', False),  # ids are no secrets
        ('4096', False),
        ('a text of several words 1a2b3c4d5e6f7a8b9c', False),
        (4096, False),
        (None, False),
    ],
)
def test_what_looks_like_a_secret(value: Any, is_one: bool) -> None:
    assert looks_like_a_secret(value) is is_one
