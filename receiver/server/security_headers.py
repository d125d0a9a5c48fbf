"""The headers by which an answer tells browsers to allow nothing; every answer carries them.

For JSON nothing has to be allowed: it is to be read by programs, never to be shown, framed, sniffed, or included
by another site's page. What a page needs it says itself. After OWASP's REST Security Cheat Sheet.
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
"""For an answer over https (RFC 6797): for a year, without subdomains, which are not ours to speak for."""
