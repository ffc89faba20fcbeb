"""``tutti costs``: what trading costs, measured on recordings, beside what the model says."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutti.cli.boundary import OK
from tutti.cli.options import AsJson
from tutti.cli.output import Output
from tutti.cli.progress import progress
from tutti.cli.runs import usable

if TYPE_CHECKING:
    from tutti.app.calibrate import Files
    from tutti.sandbox.calibration.estimates import Estimate
    from tutti.sandbox.calibration.fit import Calibration

app = typer.Typer(
    help="Measure what trading costs on recorded trades, quotes, books.", no_args_is_help=True
)

Trades = Annotated[
    list[str] | None,
    typer.Option("--trades", metavar="GLOB...", help="Trades, VENUE/SYMBOL_*.parquet."),
]
Quotes = Annotated[
    list[str] | None,
    typer.Option("--quotes", metavar="GLOB...", help="Best quotes, named like trades."),
]
Books = Annotated[
    list[str] | None,
    typer.Option("--book", metavar="GLOB...", help="Order books with a snapshot, named alike."),
]
Depth = Annotated[
    list[str] | None,
    typer.Option("--depth", metavar="GLOB...", help="Tables of depth, each a recording by itself."),
]
Instrument = Annotated[
    str | None,
    typer.Option("--instrument", metavar="ID", help="SYMBOL.VENUE, where names don't say it."),
]
Step = Annotated[float, typer.Option("--step", metavar="S", help="Length of a bar, seconds.")]


@app.command()
def calibrate(  # noqa: PLR0913 - one parameter for each option
    *,
    trades: Trades = None,
    quotes: Quotes = None,
    book: Books = None,
    depth: Depth = None,
    instrument: Instrument = None,
    step: Step = 10.0,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Costs file to write; name it under costs.")
    ] = Path("costs.yaml"),
    as_json: AsJson = False,
) -> int:
    """Fit the cost model to recordings and write its values for a configuration to use."""
    usable(out.parent)
    from tutti.app.calibrate import calibrate as calibrated  # heavy, not for --help
    from tutti.app.costs_file import write_costs
    from tutti.sandbox.calibration.document import costs_document

    with progress() as report_progress:
        files = _files(trades, quotes, book, depth, instrument)
        found = calibrated(files, step, report_progress)
    document = costs_document(found.fits, found.carried)
    written = write_costs(out, document, " ".join(["tutti", *sys.argv[1:]]))
    output = Output(as_json=as_json)
    _tell(found, output)
    output.finish(document | {"out": str(written)}, [written])
    return OK


@app.command()
def report(  # noqa: PLR0913 - one parameter for each option
    *,
    trades: Trades = None,
    quotes: Quotes = None,
    book: Books = None,
    depth: Depth = None,
    instrument: Instrument = None,
    step: Step = 10.0,
    costs: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Costs file to test on these recordings.")
    ] = None,
    flow: Annotated[
        list[str] | None,
        typer.Option("--flow", metavar="GLOB...", help="Signed volume, to test VPIN on."),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Page to write.")] = Path("costs.html"),
    as_json: AsJson = False,
) -> int:
    """Compare modelled with replayed cost, out of sample, on one offline HTML page."""
    usable(out.parent)
    from tutti.app.calibrate import calibrate as calibrated
    from tutti.app.calibrate import check_costs, toxicities  # heavy, not for --help
    from tutti.sandbox.calibration.document import costs_document
    from tutti.sandbox.calibration.page import write_costs_page
    from tutti.sandbox.result import json_value

    with progress() as report_progress:
        files = _files(trades, quotes, book, depth, instrument)
        found = calibrated(files, step, report_progress)
        toxic = toxicities(flow, report_progress) if flow else ()
    against = check_costs(costs, found.fits) if costs is not None else ()
    output = Output(as_json=as_json)
    _tell(found, output)
    document: dict[str, Any] = costs_document(found.fits, found.carried)
    written = write_costs_page(out, found, against, toxic)
    document |= json_value(
        {"tested": [asdict(each) for each in against], "toxicity": [asdict(each) for each in toxic]}
    )
    output.finish(document | {"report": str(written)}, [written])
    return OK


def _files(
    trades: Trades, quotes: Quotes, book: Books, depth: Depth, instrument: Instrument
) -> "Files":
    from tutti.app.calibrate import Files  # heavy, not for --help

    return Files(
        trades=trades or (),
        quotes=quotes or (),
        books=book or (),
        depth=depth or (),
        instrument=instrument,
    )


def _tell(found: "Calibration", output: Output) -> None:
    output.table(
        ["recording", "half spread bps", "impact coefficient", "free exponent", "taker fee bps"],
        [
            [
                f"{each.instrument} {each.name.partition('_')[2]}",
                _estimate(each.half_spread_bps, 4),
                _estimate(each.impact_coefficient, 2),
                _estimate(each.exponent, 2),
                f"{1e4 * fee:g}",
            ]
            for each, fee in zip(found.fits, found.taker_fees, strict=True)
        ],
        numbers_from=1,
    )
    output.say("Out of sample: fitted on the first 60 % of the bars, tested on the rest (bps)")
    output.table(
        ["recording", "orders", "replayed", "modelled", "bias", "mean abs. error", "explained"],
        [
            [
                f"{each.instrument} {each.name.partition('_')[2]}",
                f"{each.held_out.n:,}",
                f"{each.held_out.replayed:.3f}",
                f"{each.held_out.modelled:.3f}",
                f"{each.held_out.bias:+.3f} ± {each.held_out.bias_error:.3f}",
                f"{each.held_out.mean_absolute_error:.3f}",
                f"{100 * each.held_out.explained:.0f} %",
            ]
            for each in found.fits
        ],
        numbers_from=1,
    )


def _estimate(estimate: "Estimate", digits: int) -> str:
    return f"{estimate.value:.{digits}f} ± {estimate.standard_error:.{digits}f}"
