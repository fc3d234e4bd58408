"""Counters for operators. Labels are codes with few values: never an id, an address or a word."""

from prometheus_client import Counter, Histogram

REQUESTS = Counter("xinqiao_requests_total", "HTTP requests by route and status", ["route", "status"])
DURATION = Histogram(
    "xinqiao_request_seconds",
    "Time to answer an HTTP request",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 4, 5, 10),
)
PUSHES = Counter("xinqiao_wechat_pushes_total", "Messages and events from WeChat by outcome", ["outcome"])
