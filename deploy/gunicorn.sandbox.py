"""The sandbox: one process, because its state lives in memory."""

import os

bind = f"127.0.0.1:{os.environ.get('SANDBOX_PORT', '8001')}"
workers = 1
threads = 32
worker_class = "gthread"
timeout = 60
accesslog = None
errorlog = "-"
loglevel = "warning"
