"""A small calling app: invite a person into a call, wait for the result, and print it.

    python -m receiver.examples.invite CALL_ID +12065550100

It needs a call that is established, an access token for Graph, and a receiver at the call's `callbackUri`.
Take from it what you need.
"""

import sys
import uuid
from typing import Any, Final

import click
import urllib3

from receiver.client import ClientError, Operation, Receiver

GRAPH: Final = "https://graph.microsoft.com/v1.0"


@click.command()
@click.argument("call_id")
@click.argument("person")
@click.option(
    "--graph",
    envvar="GRAPH_URL",
    default=GRAPH,
    show_default=True,
    show_envvar=True,
    help="Graph's base URL.",
)
@click.option(
    "--token", envvar="GRAPH_TOKEN", required=True, show_envvar=True, help="An access token for Graph."
)
@click.option("--url", envvar="RECEIVER_URL", required=True, show_envvar=True, help="The receiver's address.")
@click.option(
    "--key", envvar="RECEIVER_KEY", show_envvar=True, help="An API key with the scopes read and write."
)
@click.option("--timeout", default=90.0, show_default=True, help="Longest wait in seconds.")
def main(
    *, call_id: str, person: str, graph: str, token: str, url: str, key: str | None, timeout: float
) -> None:
    """Invite PERSON, a telephone number or a user's id, into the call CALL_ID, and print the result.

    \b
    Exit status: 0  the person is in the call
                 1  the person is not, the result is not known yet, or a request failed
                 2  the arguments are wrong
    """  # noqa: D301 - `\b` makes click keep the lines as they are
    receiver = Receiver(url, key)
    client_context = str(uuid.uuid4())  # a new one for each operation: the result is found by it
    try:
        click.echo(f"Inviting {person}, as {client_context}.")
        response = invite(graph, token, call_id, person, client_context)
        receiver.register(client_context, response, call_id=call_id)
        click.echo(f"Graph says {response.get('status')}. Waiting for the result.")
        operation = receiver.wait(client_context, timeout=timeout)
    except ClientError as error:
        raise click.ClickException(str(error)) from None
    click.echo(in_words(person, operation))
    sys.exit(0 if operation and operation.completed else 1)


def invite(graph: str, token: str, call_id: str, person: str, client_context: str) -> dict[str, Any]:
    """Ask Graph to invite a person, and return the operation that it has begun.

    https://learn.microsoft.com/graph/api/participant-invite
    """
    kind = "phone" if person.startswith("+") else "user"
    identity = {
        "@odata.type": "#microsoft.graph.identitySet",
        kind: {"@odata.type": "#microsoft.graph.identity", "id": person},
    }
    invited = {"@odata.type": "#microsoft.graph.invitationParticipantInfo", "identity": identity}
    try:
        response = urllib3.request(
            "POST",
            f"{graph}/communications/calls/{call_id}/participants/invite",
            json={"participants": [invited], "clientContext": client_context},
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
            retries=False,
        )
    except urllib3.exceptions.HTTPError as error:
        raise click.ClickException(f"Graph does not answer: {error}") from None
    if response.status != 200:  # noqa: PLR2004
        raise click.ClickException(f"Graph refuses: {response.status} {response.data.decode()}")
    operation: dict[str, Any] = response.json()
    return operation


def in_words(person: str, operation: Operation | None) -> str:
    """Return the result of an invitation in words."""
    if operation is None or not operation.done:
        return f"{person}: no result yet. It may still come; ask the receiver again later."
    seconds = (operation.updated - operation.first_seen).total_seconds()
    if operation.completed:
        return f"{person} is in the call, {seconds:.1f} s after the invitation."
    result = operation.result
    reason = f"{result.text} ({result})" if result else "Graph sent no reason"
    return f"{person} is not in the call: {reason}, after {seconds:.1f} s."


if __name__ == "__main__":
    main()
