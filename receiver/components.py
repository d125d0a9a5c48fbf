"""The components of a process: made from the settings, and started after the fork. `receiver.app` adds the web."""

from dataclasses import dataclass
from typing import Final

from receiver.background.overdue_watcher import OverdueWatcher
from receiver.component_gauges import gauge_sources
from receiver.metrics.worker_metrics import Metrics
from receiver.settings.configuration import Settings
from receiver.spool.disk_thread import BlockingExecutor, run_inline
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
from receiver.tracing import Tracing, make_tracing
from receiver.trust.api_keys import APIKeyRing
from receiver.trust.callback_tokens import TokenVerifier
from receiver.trust.key_set import KeySet
from receiver.web.auth.authorizer import Authorizer
from receiver.web.auth.sessions import Sessions
from receiver.web.auth.sign_in_limit import SignInLimit
from receiver.web.live.event_frames import encode
from receiver.web.live.hub import Hub

_READ_QUEUE_SIZE: Final = 250
"""Reads that wait for the store at most; further ones are rejected. A quarter of the writes, which take precedence."""


@dataclass(frozen=True, slots=True)
class Components:
    """Everything that a process stores, reads, verifies and counts with."""

    settings: Settings
    metrics: Metrics
    tracing: Tracing
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

    def start(self) -> None:
        """Start the background threads. Call it once, after the process has forked: threads do not survive a fork."""
        self.tracing.start()
        if self.settings.app_ids:
            self.keys.start()
        if self.settings.app_ids or self.settings.api_keys:  # else there are no operations
            self.overdue_watcher.start()
        self.metrics.start(
            self.supervisor,
            *gauge_sources(
                self.hub,
                self.writes,
                self.reads,
                self.overdue_watcher,
                keys=self.keys if self.settings.app_ids else None,
                spool=self.spool,
            ),
        )
        if self.spool:
            self.spool.start()
        if self.drainer:
            self.drainer.start()


def make_components(settings: Settings, executor: BlockingExecutor = run_inline) -> Components:
    """Make the components, in the process that uses them: connections do not survive a fork. Nothing is started.

    Args:
        settings: with the address of a store; `receiver.server.serve` starts the embedded one before.
        executor: runs work that blocks on a disk.

    Raises:
        ValueError: the settings have no address of a store.
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
    # A blocking read occupies its connection, so the hub has a client of its own.
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
        settings=settings,
        metrics=metrics,
        tracing=make_tracing(settings.otlp_endpoint, settings.otlp_timeout),
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
