"""Who is really asking: a forwarded address counts only when a proxy of ours forwarded it.

Anybody may send X-Forwarded-For. Behind no configured proxy the header is a stranger's claim, and limits by address would
be a matter of typing another number.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class TrustedProxies:
    """WSGI: takes address and scheme from what the nearest proxy says, when that one is of `networks`."""

    def __init__(self, app: "WSGIApplication", networks: Sequence[str]) -> None:
        self._networks = [ipaddress.ip_network(network) for network in networks]
        self._behind_proxy = ProxyFix(app, x_for=1, x_proto=1)
        self._direct = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        is_trusted = self._is_trusted(environ.get("REMOTE_ADDR", ""))
        return (self._behind_proxy if is_trusted else self._direct)(environ, start_response)

    def _is_trusted(self, address: str) -> bool:
        try:
            asker = ipaddress.ip_address(address)
        except ValueError:  # a socket file has no address
            return False
        return any(asker in network for network in self._networks)
