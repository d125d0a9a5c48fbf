"""The parts of a process, made of the settings. `receiver.app` puts the web before them."""

from dataclasses import dataclass
from typing import Final

from receiver.background.overdue_watcher import OverdueWatcher
from receiver.metrics.worker_metrics import Metrics
from receiver.settings.configuration import Settings
from receiver.spool.disk_thread import BlockingExecutor
from receiver.spool.drainer import Drainer
from receiver.spool.intake import Intake, NotificationSink, Outage
from receiver.spool.spool_eraser import SpoolEraser
from receiver.spool.spool_file import SpoolFile
from receiver.spool.spool_queue import Spool
from receiver.store.eraser import Eraser
from receiver.store.feed import Feed
from receiver.store.reader import Reader
from receiver.store.skipped_values import SkippedValues
from receiver.store.transport.batching_client import BatchingClient
from receiver.store.transport.connections import connect
from receiver.store.transport.store_client import StoreClient
from receiver.store.writer import Writer
from receiver.supervision import Supervisor
from receiver.trust.api_keys import APIKeyRing
from receiver.trust.callback_tokens import TokenVerifier
from receiver.trust.key_set import KeySet
from receiver.web.auth.authorizer import Authorizer
from receiver.web.auth.sessions import Sessions
from receiver.web.auth.sign_in_limit import SignInLimit
from receiver.web.endpoints.event_routes import encode
from receiver.web.live.hub import Hub

_READ_QUEUE_SIZE: Final = 250
"""Reads that may wait for the store; a quarter of the writes, which go first."""


@dataclass(frozen=True, slots=True)
class Components:
    """All that keeps, reads, judges and counts in a process."""

    metrics: Metrics
    supervisor: Supervisor
    skipped: SkippedValues
    store_client: StoreClient
    writes: BatchingClient
    reads: BatchingClient
    writer: Writer
    reader: Reader
    sink: NotificationSink
    eraser: Eraser
    spool: Spool | None
    drainer: Drainer | None
    overdue_watcher: OverdueWatcher
    feed: Feed
    hub: Hub
    keys: KeySet
    verifier: TokenVerifier
    authorizer: Authorizer


def make_components(settings: Settings, executor: BlockingExecutor) -> Components:
    """Make the parts, in the process that uses them; nothing runs yet, and nothing is sent.

    Args:
        settings: with the address of a store.
        executor: carries out work that waits for a disk.

    Raises:
        ValueError: there is no address of a store.
    """
    if settings.redis_url is None:
        raise ValueError("no store: set REDIS_URL, or let `receiver serve` start the embedded one")
    metrics = Metrics(settings.metrics_dir, settings.instance)
    supervisor, skipped = (
        Supervisor(metrics.counters.count_loop_failure),
        SkippedValues(metrics.counters.count_skipped),
    )
    store_client = StoreClient(connect(settings.redis_url, settings.redis_tls_verify))
    # Writes may have to wait for replicas, reads do not.
    replicated = StoreClient(
        connect(settings.redis_url, settings.redis_tls_verify), replicas=settings.redis_replicas
    )
    writes = BatchingClient(
        replicated,
        observe=metrics.counters.round_trip_observer("write"),
        name="store-writes",
        supervisor=supervisor,
    )
    reads = BatchingClient(
        store_client,
        queue_size=_READ_QUEUE_SIZE,
        yields_to=writes,
        observe=metrics.counters.round_trip_observer("read"),
        name="store-reads",
        supervisor=supervisor,
    )
    writer = Writer(
        writes,
        retention_days=settings.retention_days,
        overdue_seconds=settings.overdue_seconds,
        skipped=skipped,
    )
    sink: NotificationSink = writer
    eraser: Eraser = Eraser(replicated)
    spool = drainer = None
    if settings.spool:
        file, outage = SpoolFile(settings.spool, settings.spool_max_bytes), Outage()
        spool = Spool(file, executor, skipped=skipped, supervisor=supervisor)
        sink, eraser = Intake(writer, spool, outage), SpoolEraser(replicated, spool)
        drainer = Drainer(
            spool,
            writer,
            outage,
            retention_days=settings.retention_days,
            skipped=skipped,
            supervisor=supervisor,
        )
    # A blocking read holds its connection, so the hub has a client of its own.
    waiting = StoreClient(connect(settings.redis_url, settings.redis_tls_verify), size=1)
    hub = Hub(Feed(waiting, skipped=skipped), encode, most=settings.max_waiting, supervisor=supervisor)
    keys = KeySet(
        settings.metadata_url, hosts=settings.key_hosts, egress=settings.egress, supervisor=supervisor
    )
    verifier = TokenVerifier(
        keys, app_ids=settings.app_ids, tenants=settings.tenants, issuers=settings.issuers
    )
    authorizer = Authorizer(
        APIKeyRing(settings.api_keys),
        Sessions(store_client, settings.api_keys, skipped),
        SignInLimit(store_client),
        open_to_all=settings.open_queries,
    )
    return Components(
        metrics=metrics,
        supervisor=supervisor,
        skipped=skipped,
        store_client=store_client,
        writes=writes,
        reads=reads,
        writer=writer,
        reader=Reader(reads, skipped=skipped),
        sink=sink,
        eraser=eraser,
        spool=spool,
        drainer=drainer,
        overdue_watcher=OverdueWatcher(store_client, skipped=skipped, supervisor=supervisor),
        feed=Feed(store_client, skipped=skipped),
        hub=hub,
        keys=keys,
        verifier=verifier,
        authorizer=authorizer,
    )
