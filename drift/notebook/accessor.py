"""``dataset.drift``: what can be done with a labelled result, in the order in which one needs it.

Each entry is one call of a public function, which says more; modules are loaded when an entry is
first used.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr

from drift.door import forwarding, opened_methods
from drift.errors import SchemaError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from drift.comparison.notebook_table import ComparisonTable
    from drift.experiment import Experiment


class Accessor:
    """What repdrift does with a Dataset: ``run.drift.summary("spatial_information")``,
    ``run.drift.compare(recorded)`` and so on.

    Parameters
    ----------
    dataset : xarray.Dataset
        A run, a measured recording, a session, or a comparison; an entry refuses what it has no use
        for.
    """

    def __init__(self, dataset: xr.Dataset) -> None:
        self._dataset = dataset

    def __repr__(self) -> str:
        sizes = ", ".join(f"{dim} {size}" for dim, size in self._dataset.sizes.items())
        entries = ", ".join(name for name in vars(type(self)) if not name.startswith("_"))
        return f"what repdrift does with a Dataset ({sizes}): {entries}; see help(dataset.drift)"

    # What it is.

    @property
    def recipes(self) -> list[Experiment]:
        """Recipe of each simulated subject, from the coordinate ``experiment``.

        Raises
        ------
        SchemaError
            If the Dataset was not simulated by ``drift.train``.
        """
        from drift.experiment import Experiment

        if "experiment" not in self._dataset.coords:
            raise SchemaError(
                "the Dataset holds no recipe: pass the result of drift.train, or a file that "
                "was saved from it."
            )
        return [
            Experiment.from_json(str(text))
            for text in self._dataset["experiment"].values.reshape(-1)
        ]

    # What is measured on it.

    def measure(self, **options: Any) -> xr.Dataset:
        """Rate maps, information and activity of a session; see ``drift.measure``, which also takes
        many sessions."""
        from drift.measurement.measuring import measure

        return measure([self._dataset], **options)

    def summary(self, *names: str) -> xr.Dataset:
        """Mean over subjects in each session, with standard errors; see
        ``drift.metrics.summary``."""
        from drift.metrics.averages import summary

        return summary(self._dataset, *names)

    def slope(self, name: str, normalise: bool = True) -> xr.Dataset:
        """Straight line through the sessions of each subject; see ``drift.metrics.slope``."""
        from drift.metrics.averages import of_subject, slope

        return slope(of_subject(self._dataset, name), self._elapsed(), normalise)

    def rate_map_correlation(self, smoothing: float = 0.0, **options: Any) -> xr.DataArray:
        """Similarity of the rate maps of every two sessions; see
        ``drift.metrics.mean_rate_map_correlation``."""
        from drift.metrics.stability.correlations import mean_rate_map_correlation

        return mean_rate_map_correlation(self._dataset, smoothing, **options)

    def correlation_by_lag(
        self, smoothing: float = 0.0, *, across_environments: bool = False
    ) -> xr.Dataset:
        """Similarity of rate maps by the time between sessions; see ``drift.metrics.by_lag``."""
        from drift.metrics.time_course.lags import by_lag

        similar = self.rate_map_correlation(smoothing, across_environments=across_environments)
        return by_lag(similar, self._elapsed(), across_environments=across_environments)

    def half_life(self, **options: Any) -> xr.Dataset:
        """Time after which half of the code is gone; see ``drift.metrics.half_life``."""
        from drift.metrics.time_course.half_life import half_life

        return half_life(self._dataset, **options)

    def in_environment(self, environment: str | None = None) -> xr.Dataset:
        """Sessions of one environment, as if no other had been recorded; see
        ``drift.metrics.in_environment``."""
        from drift.metrics.rooms import in_environment

        return in_environment(self._dataset, environment)

    # What explains it.

    def phases(self, **options: Any) -> xr.Dataset:
        """When a run has learned and when its directed drift ends; see ``drift.phases``."""
        from drift.metrics.time_course.phases import phases

        return phases(self._dataset, **options)

    def predict(self) -> xr.Dataset:
        """Drift of the code predicted from that of the weights; see ``drift.predict``."""
        from drift.theory.code_drift.prediction import predict

        return predict(self._dataset)

    def estimate(self, **options: Any) -> xr.Dataset:
        """Active fraction and weight lifetime behind a measured recording; see
        ``drift.estimate``."""
        from drift.theory.code_drift.estimation import estimate

        return estimate(self._dataset, **options)

    # What an experimenter would have seen, and how it compares.

    def observe(
        self, like: xr.Dataset | Iterable[xr.Dataset], **options: Any
    ) -> Iterable[xr.Dataset]:
        """Sessions that an experimenter would have recorded of a run; see ``drift.observe``."""
        from drift.observation.observing import observe

        return observe(self._dataset, like, **options)

    def compare(
        self, recorded: xr.Dataset | Iterable[xr.Dataset] | None = None, **options: Any
    ) -> xr.Dataset:
        """Run beside a recording, published slopes and null models; see ``drift.compare``."""
        from drift.comparison.comparing import compare

        return compare(self._dataset, recorded, **options)

    def table(self, convention: str = "mean_of_ratios") -> ComparisonTable:
        """Comparison as tables in a notebook and as text elsewhere; see
        ``drift.comparison_table``."""
        from drift.comparison.notebook_table import ComparisonTable

        return ComparisonTable(self._dataset, convention)

    # What it looks like.

    def plot_time_course(self, *names: str, ax: Axes | None = None, **options: Any) -> Axes:
        """Measures against elapsed time; see ``drift.plots.time_course``."""
        from drift.metrics.intervals.subjects import bars_text
        from drift.plots.sessions import time_course

        drawn = time_course(self._dataset, names, own := _axes(ax), **options)
        if ax is None:
            units = {str(self._dataset[name].attrs.get("units", "1")) for name in names}
            own.set_ylabel(" or ".join(sorted(units)) if units != {"1"} else "")
            subjects = int(self._dataset.sizes.get("subject", 1))
            own.legend(frameon=False, title=bars_text(subjects), title_fontsize="small")
        return drawn

    def plot_rate_maps(
        self,
        subject: int | str = 0,
        session: int | str = -1,
        ax: Axes | None = None,
        **options: Any,
    ) -> Axes:
        """Rate maps of the place units of a session, sorted by their peaks; see
        ``drift.plots.sorted_rate_maps``."""
        from drift.plots.sessions import sorted_rate_maps
        from drift.schema.labelled_form import check

        return sorted_rate_maps(
            check(self._dataset, "rate", "place_unit", "elapsed"),
            subject,
            session,
            _axes(ax),
            **options,
        )

    def plot_correlation_matrix(self, smoothing: float = 0.0, ax: Axes | None = None) -> Axes:
        """Similarity of the rate maps of every two sessions; see
        ``drift.plots.correlation_matrix``."""
        from drift.plots.sessions import correlation_matrix

        return correlation_matrix(self.rate_map_correlation(smoothing), _axes(ax))

    def plot_correlation_by_lag(
        self, smoothing: float = 0.0, ax: Axes | None = None, **options: Any
    ) -> Axes:
        """Similarity of rate maps by the time between sessions, where halves are known beside the
        similarity without noise and, unsmoothed, the noise ceiling; see
        ``drift.plots.correlation_by_lag``."""
        from drift.metrics.stability.ceiling import correlation_ceiling
        from drift.metrics.stability.corrected import corrected_similarity
        from drift.plots.stability.correlation_curves import correlation_by_lag
        from drift.schema.labelled_form import check

        if "rate_half" in self._dataset:
            options.setdefault(
                "corrected", corrected_similarity(self._dataset, smoothing=smoothing)
            )
            options.setdefault("ceiling", None if smoothing else correlation_ceiling(self._dataset))
        return correlation_by_lag(
            check(self._dataset, "elapsed"),
            self.rate_map_correlation(smoothing),
            _axes(ax),
            **options,
        )

    def plot_curves(self, measure: str, ax: Axes | None = None, **options: Any) -> Axes:
        """Normalised curves of a comparison; see ``drift.plots.normalised_curves``."""
        from drift.plots.sessions import normalised_curves

        return normalised_curves(self.table().comparison, measure, _axes(ax), **options)

    def rate_map_slider(self, **options: Any) -> Any:
        """Rate maps with a slider over sessions, in a notebook; see
        ``drift.widgets.rate_map_slider``."""
        from drift.notebook.widgets import rate_map_slider

        return rate_map_slider(self._dataset, **options)

    # What is kept of it.

    def report(self, path: str | Path, **options: Any) -> Path:
        """Comparison as one HTML page; see ``drift.report``."""
        from drift.reporting.report import report

        return report(self._dataset, path, **options)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the Dataset as netCDF; see ``drift.save``."""
        from drift.files.store import save

        return save(self._dataset, path, overwrite=overwrite)

    def _elapsed(self) -> xr.DataArray:
        from drift.schema.labelled_form import check

        return check(self._dataset, "elapsed")["elapsed"]


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]


opened_methods(Accessor, forwarding)
