"""great-expectations holds a delivery's figures against what is expected of it; its answer as plain JSON."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crm_platform.intake.judging.data_docs import data_docs_site
from crm_platform.intake.judging.expectations import EXPECTATIONS, Expectation
from crm_platform.intake.judging.figures import ROW_NAMES, Figures, Judged, figures_of

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult

MET, BROKEN, SKIPPED = "met", "broken", "skipped"


def judge_delivery(judged: Judged) -> dict[str, Any]:
    """The judgement of a delivery, as JSON that depends on nothing but `judged`.

    `expectations`: name, meaning, severity, status (met, broken, skipped), observed (the worst value), bound, why, and
    the breaking rows in `cases`. `figures`: the frames. `data_docs`: the pages of the Data Docs site by path.
    """
    figures = figures_of(judged)
    results = _validated(figures, judged)
    verdicts = [_verdict(one, figures, results) for one in EXPECTATIONS]
    about = {"delivery_id": judged.receipt["delivery_id"], "as_of": judged.as_of.isoformat()}
    return {
        **about,
        "expectations": verdicts,
        "figures": {name: _rows(frame) for name, frame in figures.frames.items()},
        "data_docs": data_docs_site(results, verdicts, about),
    }


def _validated(figures: Figures, judged: Judged) -> dict[str, ExpectationSuiteValidationResult]:
    """The answer of great-expectations per frame, as of the as-of date."""
    with _quiet():
        import great_expectations as gx  # noqa: PLC0415  its import takes seconds
        from great_expectations.data_context.types.base import (  # noqa: PLC0415
            DataContextConfig,
            InMemoryStoreBackendDefaults,
            ProgressBarsConfig,
        )

        config = DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(),
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False),
        )
        context = gx.get_context(mode="ephemeral", project_config=config)
        run = gx.RunIdentifier(run_name=str(judged.receipt["delivery_id"]), run_time=f"{judged.as_of}T00:00:00+00:00")
        source = context.data_sources.add_pandas("delivery")
        return {
            name: _definition(context, source, name, figures).run(
                batch_parameters={"dataframe": frame},
                result_format={"result_format": "COMPLETE", "unexpected_index_column_names": [ROW_NAMES[name]]},
                run_id=run,
            )
            for name, frame in figures.frames.items()
            if _expected_of(name, figures)
        }


def _definition(context: Any, source: Any, frame: str, figures: Figures) -> Any:
    """What is expected of the frame, in the words of great-expectations."""
    import great_expectations as gx  # noqa: PLC0415

    expected = [_declared(one) for one in _expected_of(frame, figures)]
    suite = context.suites.add(gx.ExpectationSuite(frame, expectations=expected))
    batch = source.add_dataframe_asset(frame).add_batch_definition_whole_dataframe(frame)
    return context.validation_definitions.add(gx.ValidationDefinition(name=frame, data=batch, suite=suite))


def _expected_of(frame: str, figures: Figures) -> list[Expectation]:
    return [one for one in EXPECTATIONS if one.frame == frame and _is_known(one, figures)]


def _declared(expectation: Expectation) -> Any:
    from great_expectations.expectations.core.expect_column_values_to_be_between import (  # noqa: PLC0415
        ExpectColumnValuesToBeBetween,
    )
    from great_expectations.expectations.metadata_types import FailureSeverity  # noqa: PLC0415

    return ExpectColumnValuesToBeBetween(
        column=expectation.column,
        min_value=expectation.minimum,
        max_value=expectation.maximum,
        severity=FailureSeverity(expectation.severity),
        meta={"name": expectation.name},
        notes=[f"**{expectation.meaning}.**", f"Why {expectation.bound}: {expectation.why}."],
    )


def _is_known(expectation: Expectation, figures: Figures) -> bool:
    return bool(figures.frames[expectation.frame][expectation.column].notna().any())


def _verdict(expectation: Expectation, figures: Figures, results: Mapping[str, Any]) -> dict[str, Any]:
    about = {
        "name": expectation.name,
        "column": f"{expectation.frame}.{expectation.column}",
        "severity": expectation.severity,
        "meaning": expectation.meaning,
        "bound": expectation.bound,
        "why": expectation.why,
    }
    if not _is_known(expectation, figures):
        return {**about, "status": SKIPPED, "observed": None, "needs": expectation.needs, "cases": []}
    frame = figures.frames[expectation.frame]
    answer = _answer_to(expectation, results[expectation.frame])
    values = frame[expectation.column].dropna()
    observed = values.min() if expectation.maximum is None else values.max()
    row_name = ROW_NAMES[expectation.frame]
    named = [case[row_name] for case in answer.result["unexpected_index_list"] or []]
    broken = frame.loc[frame[row_name].isin(named), list(expectation.shown)]
    return {
        **about,
        "status": MET if answer.success else BROKEN,
        "observed": _plain(observed),
        "needs": expectation.needs,
        "cases": _rows(broken),
    }


def _answer_to(expectation: Expectation, results: Any) -> Any:
    return next(one for one in results.results if one.expectation_config.meta["name"] == expectation.name)


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): _plain(value) for key, value in row.items()} for row in frame.to_dict("records")]


def _plain(value: Any) -> Any:
    """A value as JSON knows it; rates to six digits, which no reader sees beyond."""
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float):
        if not np.isfinite(plain):
            return None
        return int(plain) if plain.is_integer() else round(plain, 6)
    return plain


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing of what great-expectations says of itself reaches a console; its errors do."""
    logger = logging.getLogger("great_expectations")
    before = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(before)
