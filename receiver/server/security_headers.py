"""Security headers of every response: browsers are to allow nothing.

JSON needs no permission: programs read it, and browsers must not show, frame or sniff it, or include it in another
site's page. A page sets what it needs itself. After OWASP's REST Security Cheat Sheet.
"""

from typing import Final

HARDENING: Final = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
)

HTTPS_ONLY: Final = ("Strict-Transport-Security", "max-age=31536000")
"""Header of responses over https (RFC 6797): one year, without subdomains, which may belong to other services."""
