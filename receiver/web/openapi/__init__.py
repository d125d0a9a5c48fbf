"""The OpenAPI document of the receiver, made from the description beside each route.

How to describe a route:

    class CallRoutes:
        def blueprint(self) -> Blueprint:
            blueprint = Blueprint("calls", __name__)
            blueprint.get("/calls/<call_id>")(self.get)
            return blueprint

        @describe(
            READ,                                          # authentication and scope (authentication_texts.py)
            {200: Answer("The call.", CallRecordSchema)},  # answers (response_schemas.py) and headers
            problems=(CallNotFoundError,),                 # of this route; authentication and body add theirs
        )
        def get(self, call_id: str) -> Response:
            '''Get a call, as far as Graph has reported it.

            The first paragraph is the route's title, the rest its description, in which `this` is code.
            '''

An argument of a path is described in route_parameters.py; `query=` takes the webargs schema that reads the query
arguments, `parameters=` single parameters. A new route needs a name in operation_ids.py, a new error of
`receiver.errors` a line in problem_advice.py, its status one in problem_responses.py, a new blueprint one in
route_tags.py. tests/openapi/ fails for a route that is not described, or described wrongly: every answer that a test
gets from a running receiver is compared with the document.
"""

from receiver.web.openapi.authentication_texts import GRAPH, PUBLIC, READ, STORE, WRITE
from receiver.web.openapi.route_description import Answer, Body, describe

__all__ = ["GRAPH", "PUBLIC", "READ", "STORE", "WRITE", "Answer", "Body", "describe"]
