"""The OpenAPI document of the receiver: made from what is said of each route, right beside it.

How to describe a route:

    @blueprint.get("/calls/<call_id>")
    @describe(
        READ,                                                  # who may use it (access.py)
        {200: Answer("The call.", CallRecordSchema)},          # its answers (answers.py), with headers (headers.py)
        problems=(CallNotFoundError,),                         # those of its own; access and body bring theirs
    )
    def show(call_id: str) -> Response:
        '''Get a call, as far as Graph has reported it.

        The first paragraph is the route's title, the rest its description, in which `this` is code.
        '''

An argument of a path is described in parameters.py, other parameters are handed over: `query=` for a webargs schema,
`parameters=` for single ones. A new route needs a name in operation_ids.py, a new error of `receiver.errors` a line
in advice.py, its status one in problem_responses.py, a new blueprint one in tags.py. tests/openapi/ fails for
whatever is not described, or described wrongly: every answer that any test gets from a running receiver is held to
the document.
"""

from receiver.web.openapi.authentication_texts import ANYBODY, GRAPH, READ, STORE, WRITE
from receiver.web.openapi.route_description import Answer, Body, describe

__all__ = ["ANYBODY", "GRAPH", "READ", "STORE", "WRITE", "Answer", "Body", "describe"]
