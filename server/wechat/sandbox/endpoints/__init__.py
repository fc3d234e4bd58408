"""The endpoints of the platform's API, one module for each area; each lists its own rows for the table here."""

from server.wechat.sandbox.api import Endpoint
from server.wechat.sandbox.endpoints import basics, menu, messages, mini, oauth, qrcode, users

_AREAS = (basics, menu, messages, mini, oauth, qrcode, users)
ENDPOINTS: dict[str, Endpoint] = {endpoint.path: endpoint for module in _AREAS for endpoint in module.ENDPOINTS}
