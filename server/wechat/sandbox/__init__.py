"""WeChat on one machine: the stand-in for Tencent's servers, and a phone in the browser to use it with.

Owns the imitation only: tokens, quotas, menus, QR codes, customer-service messages, the pushing of signed events,
and the residents who follow the account. It imports nothing else of this project and uses no WeChat SDK, so that a
mistake in either shows at the wire; nothing in production imports it. Started through wsgi.py, in development only.
"""
