"""WeChat's protocol: callback, crypto, router, API client, tokens, menu, QR codes.

Everything of wechatpy is wrapped here once; nothing outside imports it. An openid becomes a resident before a domain is
called. `sandbox/` is the stand-in for WeChat's servers in development and is imported by nothing.
"""
