"""What things are called in the sandbox project: names that read like a shop's, without end and without repetition."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice

GATES = (
    'checkout_v2',
    'new_search_ranking',
    'dark_mode',
    'one_click_reorder',
    'express_shipping_banner',
    'apple_pay',
    'fraud_check_strict',
    'recommendations_carousel',
    'guest_checkout',
    'invoice_pdf_export',
    'image_cdn_migration',
    'loyalty_points_preview',
)
EXPERIMENTS = (
    'pricing_page_redesign',
    'checkout_button_copy',
    'search_autocomplete_size',
    'onboarding_three_steps',
    'free_shipping_threshold',
    'homepage_hero_video',
    'product_photo_zoom',
    'cart_upsell_position',
)
DYNAMIC_CONFIGS = ('search_ranking_weights', 'checkout_limits', 'support_chat_hours', 'image_quality', 'retry_policy')
LAYERS = ('homepage_layer', 'checkout_layer', 'search_layer', 'growth_layer')
HOLDOUTS = ('global_holdout_h2', 'payments_holdout', 'search_holdout')
SEGMENTS = (
    'beta_users',
    'internal_employees',
    'enterprise_accounts',
    'eu_customers',
    'frequent_buyers',
    'trial_users',
    'mobile_only',
    'newsletter_readers',
)

AREAS = {
    'checkout': 'Payments',
    'payments': 'Payments',
    'invoice': 'Payments',
    'fraud': 'Payments',
    'search': 'Search',
    'recommendations': 'Search',
    'catalog': 'Search',
    'homepage': 'Growth',
    'onboarding': 'Growth',
    'loyalty': 'Growth',
    'newsletter': 'Growth',
    'pricing': 'Growth',
    'inventory': 'Platform',
    'shipping': 'Platform',
    'image': 'Platform',
    'login': 'Platform',
    'ios': 'Mobile',
    'android': 'Mobile',
    'push': 'Mobile',
}
FEATURES = (
    'async_writes',
    'bulk_edit',
    'cache_warmup',
    'compact_layout',
    'dual_write',
    'eager_loading',
    'edge_rendering',
    'empty_state',
    'event_replay',
    'fast_path',
    'faster_retry',
    'form_validation',
    'graphql_api',
    'inline_help',
    'lazy_images',
    'legacy_fallback',
    'multi_region',
    'new_badge',
    'partial_refunds',
    'prefetch',
    'progress_bar',
    'rate_limiter',
    'read_replica',
    'recent_items',
    'redis_sessions',
    'saved_filters',
    'schema_v3',
    'share_links',
    'skeleton_screen',
    'smart_defaults',
    'sticky_header',
    'streaming_export',
    'two_factor',
    'undo_toast',
    'vector_index',
    'websocket_updates',
    'zero_downtime_deploy',
)


def endless(first: tuple[str, ...]) -> Iterator[str]:
    """The given names, then area_feature combinations, then the same with _v2, _v3, … Never the same name twice."""
    yield from first
    for version in count(1):
        suffix = '' if version == 1 else f'_v{version}'
        for position in range(len(FEATURES) * len(AREAS)):
            area = tuple(AREAS)[position % len(AREAS)]
            feature = FEATURES[(position // len(AREAS) + position) % len(FEATURES)]
            yield f'{area}_{feature}{suffix}'


def take(first: tuple[str, ...], how_many: int) -> list[str]:
    return list(islice(endless(first), how_many))


def team_of(name: str) -> str | None:
    """The team that looks after a thing, told by the first word of its name that is an area."""
    return next((AREAS[word] for word in name.split('_') if word in AREAS), None)
