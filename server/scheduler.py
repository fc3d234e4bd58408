"""The worker: APScheduler's ticks in memory, each "do what is due at `now`". Harmless when run twice or by several workers.

APScheduler 3 does not know of its copies in other processes, so it holds no job store; a lease row elects who ticks.
"""

import json
import os
import secrets
import signal
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from server.accounts import api_tokens, forgetting, joining, log_ins, posts, staff, throttle
from server.assessment import service as assessment
from server.audit import service as audit
from server.clock import SHANGHAI, local_day, utc_now
from server.errors import Unavailable
from server.jobs import WORKER, WORKER_BEAT_SECONDS, beat, take_lease
from server.kept_answers import purge as purge_kept_answers
from server.logs import log
from server.parts import Parts
from server.wechat import unions
from server.wechat.client import WeChatError
from server.wechat.once import purge_inbound

_TICKING = "worker_ticks"
_ABANDONED_AFTER = timedelta(days=30)
# Followers asked about in one run: a hundred each.
_MOST_BATCHES = 50
Job = Callable[[Session, datetime], object]


class Worker:
    """Runs the ticks until it is told to stop."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._name = f"worker-{os.getpid()}-{secrets.token_hex(4)}"
        self._stop = threading.Event()
        self._scheduler = BackgroundScheduler(
            timezone=SHANGHAI, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )

    def run(self) -> None:
        """Blocks until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        ticks: list[tuple[str, Callable[[], None], int]] = [
            ("beat", self.beat, WORKER_BEAT_SECONDS),
            ("token", self.keep_token, 60),
            ("hand_over", self.hand_over, 60),
            ("tidy", self.tidy, 600),
            ("learn_unions", self.learn_unions, 600),
            ("join_residents", self.join_residents, 600),
            ("forget_residents", self.forget_residents, 3600),
            ("shorten_wal", self.shorten_wal, 60),
            ("copy_audit_head", self.copy_audit_head, 3600),
        ]
        for name, tick, seconds in ticks:
            self._scheduler.add_job(
                self._guard(name, tick),
                "interval",
                seconds=seconds,
                id=name,
                replace_existing=True,
                next_run_time=utc_now(),
            )
        self._scheduler.start()
        log.info("worker.started", process=self._name)
        self._stop.wait()
        self._scheduler.shutdown(wait=True)
        log.info("worker.stopped", process=self._name)

    def _guard(self, name: str, tick: Callable[[], None]) -> Callable[[], None]:
        def guarded() -> None:
            try:
                tick()
            except (Unavailable, SQLAlchemyError, WeChatError) as fault:
                log.warning("tick.failed", job=name, error=type(fault).__name__)
            except Exception as fault:
                log.error("tick.bug", job=name, exc_info=fault)

        return guarded

    # --- the ticks ------------------------------------------------------------------------------------------------

    def beat(self) -> None:
        self._write(lambda session, now: beat(session, process=WORKER, now=now))

    def keep_token(self) -> None:
        """Fetch the next access token before this one ends, so that no caller has to wait for it."""
        if self._is_elected():
            self._parts.wechat_api.keep_token_fresh()

    def tidy(self) -> None:
        """Forget what may be forgotten."""
        if not self._is_elected():
            return
        for job in (
            purge_inbound,
            throttle.purge,
            staff.purge_sessions,
            log_ins.purge,
            api_tokens.purge,
            purge_kept_answers,
            forgetting.coarsen_events,
            _abandon,
        ):
            self._write(job)

    def learn_unions(self) -> None:
        """Ask WeChat which followers are known elsewhere under another openid."""
        settings = self._parts.settings
        if not settings.may_read_followers or not self._is_elected():
            return
        for _ in range(_MOST_BATCHES):
            if not unions.learn_next(self._parts.database, self._parts.wechat_api, app_id=settings.wechat_oa_app_id):
                return

    def join_residents(self) -> None:
        """Make one of two residents whose identities turned out to be one person's."""
        holdings = self._parts.holdings
        while self._parts.database.write(lambda session: joining.join_next(session, holdings=holdings, now=utc_now())):
            pass

    def forget_residents(self) -> None:
        """Delete who asked for it or left long ago, once nothing open holds them."""
        holdings, kept_days = self._parts.holdings, self._parts.settings.unfollowed_kept_days
        self._page_by_page(
            lambda session, after: forgetting.finish_deletions(session, holdings=holdings, now=utc_now(), after=after)
        )
        self._page_by_page(
            lambda session, after: forgetting.erase_unfollowed(
                session, holdings=holdings, kept_days=kept_days, now=utc_now(), after=after
            )
        )

    def _page_by_page(self, work: Callable[..., int | None]) -> None:
        after: int | None = 0
        while after is not None:
            after = self._parts.database.write(partial(work, after=after))

    def shorten_wal(self) -> None:
        """SQLite's write-ahead log keeps rows in the order in which they came, which tables here do not: empty it."""
        engine = self._parts.database.engine
        if engine.dialect.name != "sqlite":
            return
        # The driver's own connection: a checkpoint cannot run inside a transaction, and SQLAlchemy would begin one.
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        finally:
            connection.close()

    def copy_audit_head(self) -> None:
        """Copy the chain's head out of the database, once a day: whoever rewrites the chain cannot rewrite the copy."""
        now = utc_now()
        file = self._parts.settings.xinqiao_instance / "audit-heads.jsonl"
        day = local_day(now).isoformat()
        if any(row["day"] == day for row in read_heads(file)):
            return
        seq, digest = self._parts.database.read(audit.head_of)
        with file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"day": day, "seq": seq, "digest": digest}) + "\n")

    def hand_over(self) -> None:
        """Posts that ended: what their holders had taken over waits for somebody again, and soon."""
        domains = self._parts.domains_that_hand_over
        self._write(lambda session, now: posts.hand_over_ended(session, domains=domains, now=now))

    def _is_elected(self) -> bool:
        return self._parts.database.write(
            lambda session: take_lease(session, name=_TICKING, owner=self._name, now=utc_now(), seconds=120)
        )

    def _write(self, job: Job) -> None:
        self._parts.database.write(lambda session: job(session, utc_now()))


def _abandon(session: Session, now: datetime) -> None:
    assessment.abandon_stale(session, before=local_day(now - _ABANDONED_AFTER))


def read_heads(file: Path) -> list[dict[str, str]]:
    """The copied heads, oldest first; a torn last line (the machine went off) is passed over."""
    if not file.exists():
        return []
    rows = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows
