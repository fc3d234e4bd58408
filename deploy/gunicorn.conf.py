"""Web processes. Each figure has its reason beside it."""

import os

bind = f"{os.environ.get('BIND', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
# Two cores, and work that mostly waits for the disk: two processes, threads for what waits. When the database hangs, 16
# threads may hang with it on pages and 24 on pushes (server/bulkhead.py); the others are there for who comes next.
workers = int(os.environ.get("WEB_PROCESSES", "2"))
threads = int(os.environ.get("WEB_THREADS", "48"))
worker_class = "gthread"
# A request that takes longer than any of ours may is a stuck process.
timeout = 30
graceful_timeout = 10
keepalive = 5
# Slow leaks of libraries never grow old; the jitter keeps both processes from leaving at once.
max_requests = 100_000
max_requests_jitter = 10_000
# Logs are the application's: gunicorn's own would write addresses and paths.
accesslog = None
errorlog = "-"
# Below that gunicorn writes addresses and whole request lines of what it cannot read.
loglevel = "critical"
# Nothing of ours has a longer line or more fields; strangers' requests may.
limit_request_line = 4094
limit_request_fields = 60


def child_exit(server: object, worker: object) -> None:
    """A counter file of a process that ended must not be counted as living."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(getattr(worker, "pid"))  # noqa: B009
