"""Routes to sign in to the page with an API key, and to sign out."""

import re
from typing import Final

from flask import Blueprint, Response, request

from receiver.errors import ForbiddenError, InsufficientScopeError, InvalidAPIKeyError, TooManyAttemptsError
from receiver.web.auth import cookies
from receiver.web.auth.authorizer import Authorizer, reject_cross_site_request
from receiver.web.auth.sessions import SESSION_SECONDS
from receiver.web.auth.sign_in_limit import BROWSER_SECONDS
from receiver.web.openapi import STORE, Answer, describe
from receiver.web.openapi.authentication_texts import HTML, PUBLIC_PAGE
from receiver.web.openapi.body_schemas import SIGN_IN
from receiver.web.pages.page_layout import sign_in_form

_LONGEST_FORM: Final = 16 << 10
"""Bytes of a form; a longer one is refused (413), since its sender is not verified yet."""

_LOCAL_PATH: Final = re.compile(r"/(?:[!-.0-\[\]-~][!-\[\]-~]*)?")
"""A path of this receiver: neither `//elsewhere` nor `/\\elsewhere`, which browsers read as an address."""


class SignInRoutes:
    """The routes to sign in and out.

    Args:
        authorizer: begins and ends sessions.
    """

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def add_routes(self, blueprint: Blueprint) -> None:
        """Add the routes to a blueprint."""
        blueprint.post("/sign-in")(self.sign_in)
        blueprint.post("/sign-out")(self.sign_out)

    @describe(
        PUBLIC_PAGE,
        {
            303: Answer("Signed in; go on to `then`.", always=("Location", "Set-Cookie")),
            401: Answer(
                "The form again, with what was wrong.", always=("WWW-Authenticate",), media_type=HTML
            ),
        },
        body=SIGN_IN,
        problems=(ForbiddenError, TooManyAttemptsError, *STORE),
    )
    def sign_in(self) -> Response:
        """Sign in to the page with an API key that may `read`."""
        reject_cross_site_request()
        request.max_content_length = _LONGEST_FORM
        then = _local(request.form.get("then", ""))
        try:
            session_id = self._authorizer.sign_in(request.form.get("key", "").strip())
        except InvalidAPIKeyError:
            return sign_in_form(
                wrong="This API key is not in RECEIVER_API_KEYS. Use another, or add its entry there.",
                then=then,
            )
        except InsufficientScopeError:
            return sign_in_form(wrong="This API key lacks the scope “read”. Use another.", then=then)
        except TooManyAttemptsError as error:
            response = sign_in_form(wrong=f"{error.title}. {error.detail}", then=then, status=error.status)
            response.headers["Retry-After"] = str(error.retry_after)
            return response
        response = _see_other(then)
        cookies.set_session(response, session_id, SESSION_SECONDS)
        if browser := self._authorizer.remember_browser():
            cookies.set_browser(response, browser, BROWSER_SECONDS)
        return response

    @describe(
        PUBLIC_PAGE,
        {303: Answer("Signed out.", always=("Location", "Set-Cookie"))},
        problems=(ForbiddenError, *STORE),
    )
    def sign_out(self) -> Response:
        """Sign out of the page."""
        self._authorizer.sign_out()
        response = _see_other("/")
        cookies.drop_session(response)
        return response


def _see_other(path: str) -> Response:
    return Response(status=303, headers={"Location": path})


def _local(path: str) -> str:
    return path if _LOCAL_PATH.fullmatch(path) else "/"
