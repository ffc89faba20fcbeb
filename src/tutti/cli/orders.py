"""``tutti orders``: what is open, and settling what nobody can tell of."""

import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutti.cli.boundary import OK
from tutti.cli.operating import Reason
from tutti.cli.options import AsJson
from tutti.cli.output import Output
from tutti.cli.running import ask, find
from tutti.cli.runs import PAPER, account_folder, run_folder
from tutti.cli.service import Folder
from tutti.kernel.clock import iso
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.app.settling import Claim
    from tutti.model.order import Order

_PATIENCE_S = 15.0
_SHORT = 18

app = typer.Typer(help="Show open orders, and settle one of unknown fate.")


@app.command("list")
def list_(
    *,
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="Folder of a run; else the newest.")
    ] = None,
    unresolved: Annotated[
        bool, typer.Option("--unresolved", help="Only those of unknown fate.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Show the open orders of an account, running or not, those of unknown fate first."""
    from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader  # heavy, not for --help
    from tutti.ledger.fold import fold
    from tutti.model.order import OrderStatus

    output = Output(as_json=as_json)
    folder = run_folder(run)
    with SqliteLedgerReader(folder) as reader:
        orders = list(fold(reader).open_orders.values())
    unknown = [each for each in orders if each.status is OrderStatus.UNRESOLVED]
    rest = [] if unresolved else [each for each in orders if each not in unknown]
    shown = [_row(each) for each in (*unknown, *rest)]
    if shown:
        output.table(
            ("order", "since (UTC)", "instrument", "what", "filled", "status", "detail"),
            [
                (
                    row["order_id"][:_SHORT],
                    row["since"][:19],
                    row["instrument"],
                    f"{row['side']} {row['of']}",
                    row["filled"],
                    row["status"],
                    row["detail"],
                )
                for row in shown
            ],
        )
    else:
        output.say("no order of unknown fate" if unresolved else "no open order")
    if unknown:
        output.say(
            f"{len(unknown)} of unknown fate: docs/how-to/an-order-of-unknown-outcome.md says what"
            " to do",
            style="yellow",
        )
    output.finish({"run": str(folder), "orders": shown, "unresolved": len(unknown)})
    return OK


@app.command()
def settle(  # noqa: PLR0913 - one parameter for each option
    order_id: Annotated[
        str, typer.Argument(metavar="ORDER_ID", help="Id of an unresolved order, or its beginning.")
    ],
    *,
    outcome: Annotated[
        str, typer.Option("--as", metavar="WHAT", help="filled, cancelled or rejected.")
    ],
    filled: Annotated[
        str | None,
        typer.Option(metavar="QTY", help="Filled in all; else everything, or what is booked."),
    ] = None,
    price: Annotated[
        str | None, typer.Option(metavar="P", help="Average price of what is not booked yet.")
    ] = None,
    fee: Annotated[str, typer.Option(metavar="X", help="Of the same, quote currency.")] = "0",
    reason: Reason,
    force: Annotated[
        bool, typer.Option("--force", help="Also where its venue says otherwise.")
    ] = False,
    i_understand: Annotated[
        str | None, typer.Option(metavar="PHRASE", help="The words that are asked for otherwise.")
    ] = None,
    out: Folder = PAPER,
    as_json: AsJson = False,
) -> int:
    """Settle an order that stays unresolved, by your word for what became of it.

    The ledger keeps who said it and why; the instrument's lock ends. A running service asks the venue first. Exit code 3 where the venue says otherwise.
    """
    from tutti.app.kill_switch import OFFLINE  # heavy, not for --help
    from tutti.app.settling import Claim, meant, settle_at_rest
    from tutti.execution.settlement import OUTCOMES
    from tutti.model.order import OrderStatus

    output = Output(as_json=as_json)
    if outcome not in list(OUTCOMES):
        raise ConfigError(f"--as must be one of {', '.join(OUTCOMES)}, was {outcome!r}")
    claim = Claim(
        order_id=order_id.strip().lower(),
        outcome=OrderStatus(outcome),
        filled=_decimal(filled, "--filled"),
        price=_decimal(price, "--price"),
        fee=_decimal(fee, "--fee") or Decimal(0),
        by=OFFLINE,
        reason=reason,
        force=force,
    )
    order = meant(claim.order_id, _open(account_folder(out)))
    _confirm(order, claim, i_understand, output)
    running = find(out)
    if running is None:
        settled = _row(settle_at_rest(out, claim))
    else:
        settled = _through(running, out, order.id, claim)
    output.say(
        f"order {order.id} is {settled['status']}, filled {settled['filled']} of {settled['of']}"
    )
    if running is None:
        output.say("its venue was not asked; the next start compares positions and cash with it")
    output.finish({"order": settled, "running": running is not None})
    return OK


def _open(out: Path) -> list["Order"]:
    from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader  # heavy, not for --help
    from tutti.ledger.fold import fold

    with SqliteLedgerReader(out) as reader:
        return list(fold(reader).open_orders.values())


def _confirm(order: "Order", claim: "Claim", given: str | None, output: Output) -> None:
    wanted = f"{order.id[:12]} was {claim.outcome}"
    if given is None and sys.stdin.isatty() and not output.as_json:
        output.say(
            f"{order.side} {order.quantity} {order.instrument}, {order.filled} of it booked,"
            f" sent {iso(order.created_at)}: {order.detail or order.status}"
        )
        output.say(f"To settle it, type: {wanted}")
        given = input("> ")
    if " ".join((given or "").split()) != wanted:
        raise ConfigError(
            f"nothing was settled: it needs the words {wanted!r}, typed when asked or given with "
            "--i-understand"
        )


def _through(running: Any, out: Path, order_id: str, claim: "Claim") -> dict[str, Any]:
    from tutti.app.access import api_token  # not for --help

    body = {
        "order_id": order_id,
        "outcome": str(claim.outcome),
        "filled": None if claim.filled is None else str(claim.filled),
        "price": None if claim.price is None else str(claim.price),
        "fee": str(claim.fee),
        "reason": claim.reason,
        "force": claim.force,
    }
    token = api_token(out).get_secret_value()
    told = ask(running, "POST", "/orders/settle", token=token, body=body, patience_s=_PATIENCE_S)
    return {"status": told["status"], "filled": told.get("filled", "0"), "of": told["quantity"]} | {
        "order_id": told["id"]
    }


def _row(order: "Order") -> dict[str, Any]:
    return {
        "order_id": order.id,
        "since": iso(order.created_at),
        "instrument": str(order.instrument),
        "side": str(order.side),
        "filled": str(order.filled),
        "of": str(order.quantity),
        "status": str(order.status),
        "detail": order.detail,
    }


def _decimal(text: str | None, option: str) -> Decimal | None:
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("nan")
    if not value.is_finite():
        raise ConfigError(f"{option} must be a number, was {text!r}")
    return value
