"""Commands about models, and about what is installed."""

from dataclasses import asdict
from typing import Annotated

import typer

from visual_rag.cli.app import (
    EXIT_ERROR,
    BaseModelOption,
    DeviceOption,
    DtypeOption,
    JsonOption,
    PatchesOption,
    RevisionOption,
    app,
    err,
    out,
    print_json,
)
from visual_rag.errors import InvalidInput
from visual_rag.printing import Row, print_line, print_rows
from visual_rag.settings import ModelSettings


@app.command()
def models(as_json: JsonOption = False) -> None:
    """List known models: cost, quality, and which are here."""
    from visual_rag.wording import model_rows, models_json

    if as_json:
        print_json(models_json())
    else:
        rows, header = model_rows()
        print_rows(out, rows, header=header)
        print_line(err, "V1, V2, V3: the three ViDoRe benchmarks, nDCG times 100; the README says more", style="dim")


@app.command()
def doctor(
    model: Annotated[str | None, typer.Option(help="Load this model and try it, instead of the rest.")] = None,
    revision: RevisionOption = None,
    base_model: BaseModelOption = None,
    max_visual_tokens: PatchesOption = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Check what is installed, or try a model. What is missing comes with the command that mends it."""
    from visual_rag.doctor import examine, examine_model

    settings = ModelSettings(
        revision=revision, base_model=base_model, max_visual_tokens=max_visual_tokens, device=device, dtype=dtype
    )
    if model is None and settings != ModelSettings():
        raise InvalidInput("these options are for a model; name it with --model")
    checks = examine() if model is None else examine_model(model, settings)
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        rows = [Row((check.part, check.state, check.found), check.mend) for check in checks]
        print_rows(out, rows, header=("part", "state", "found"))
    if any(not check.ok and not check.optional for check in checks):
        raise typer.Exit(EXIT_ERROR)
