"""Former names of modules: scripts that import them go on running, and are told the new name.

Names that packages offer (``drift.measure``, ``drift.metrics.turnover``) have not changed; this is
for imports of modules, such as ``from drift.tables import write_tables``. Modules that shared their
name with a function of their package are not among them: the function keeps it.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType

NEW_NAMES = {
    "circuits.brian": "circuits.simulation.brian",
    "circuits.competitive": "circuits.kinds.competitive",
    "circuits.corridor": "circuits.wandering.corridor",
    "circuits.count_control": "circuits.kinds.count_control",
    "circuits.drift": "circuits.wandering.weight_drift",
    "circuits.estimation": "circuits.fitting.search",
    "circuits.euler": "circuits.simulation.euler",
    "circuits.explaining_away": "circuits.kinds.explaining_away",
    "circuits.fit_certainty": "circuits.fitting.certainty",
    "circuits.fit_labels": "circuits.fitting.labels",
    "circuits.fit_model": "circuits.fitting.model",
    "circuits.fit_plots": "circuits.fitting.plots",
    "circuits.fit_result": "circuits.fitting.result",
    "circuits.fit_statistics": "circuits.fitting.statistics",
    "circuits.fixed_points": "circuits.rest.fixed_points",
    "circuits.homeostasis": "circuits.wandering.homeostasis",
    "circuits.inputs": "circuits.wandering.inputs",
    "circuits.layers": "circuits.rest.layers",
    "circuits.levels": "circuits.rest.levels",
    "circuits.linear": "circuits.kinds.linear",
    "circuits.random_interneurons": "circuits.kinds.random_interneurons",
    "circuits.saturating": "circuits.kinds.saturating",
    "circuits.sessions": "circuits.wandering.sessions",
    "circuits.settled_rates": "circuits.simulation.settled_rates",
    "circuits.settling": "circuits.simulation.settle",
    "circuits.stability": "circuits.stable_steps",
    "circuits.standalone": "circuits.simulation.standalone",
    "circuits.threshold": "circuits.kinds.threshold",
    "circuits.top_k": "circuits.rest.winners",
    "circuits.wiring": "circuits.kinds.wiring",
    "data_adapters.containers": "data_adapters.files.containers",
    "data_adapters.download": "data_adapters.files.download",
    "data_adapters.exchange.nwb_events": "data_adapters.exchange.nwb.events",
    "data_adapters.fields": "data_adapters.laboratories.interchange.fields",
    "data_adapters.frames": "data_adapters.exchange.frames",
    "data_adapters.frank_laboratory": "data_adapters.laboratories.frank.layout",
    "data_adapters.interchange": "data_adapters.laboratories.interchange.reader",
    "data_adapters.jercog2019": "data_adapters.laboratories.jercog2019",
    "data_adapters.karlsson2015": "data_adapters.laboratories.frank.karlsson2015",
    "data_adapters.khatib2023": "data_adapters.laboratories.khatib2023",
    "data_adapters.labels": "data_adapters.exchange.labels",
    "data_adapters.laboratories.interchange.containers": "data_adapters.files.containers",
    "data_adapters.laboratories.interchange.registration": "data_adapters.registrations.cell_map",
    "data_adapters.limits": "data_adapters.files.limits",
    "data_adapters.matlab": "data_adapters.files.matlab",
    "data_adapters.matlab_elements": "data_adapters.files.matlab_elements",
    "data_adapters.nwb": "data_adapters.exchange.nwb",
    "data_adapters.nwb_content": "data_adapters.exchange.nwb_content",
    "data_adapters.nwb_events": "data_adapters.exchange.nwb.events",
    "data_adapters.nwb_writing": "data_adapters.exchange.nwb_writing",
    "data_adapters.pooling": "data_adapters.laboratories.frank.pooling",
    "data_adapters.processed": "data_adapters.published.processed",
    "data_adapters.published_maps": "data_adapters.laboratories.interchange.published_maps",
    "data_adapters.pynapple_objects": "data_adapters.exchange.pynapple_objects",
    "data_adapters.recordings": "data_adapters.laboratories.interchange.recordings",
    "data_adapters.registration": "data_adapters.registrations.cell_map",
    "data_adapters.sheintuch2023": "data_adapters.laboratories.ziv.sheintuch2023",
    "data_adapters.summaries": "data_adapters.published.summaries",
    "data_adapters.w_track": "data_adapters.laboratories.frank.w_track",
    "data_adapters.zivlab_files": "data_adapters.laboratories.ziv.files",
    "data_adapters.zivlab_sessions": "data_adapters.laboratories.ziv.trials",
    "data_adapters.zivlab_struct": "data_adapters.laboratories.ziv.summary",
    "data_adapters.zivlab_trials": "data_adapters.laboratories.ziv.pairing",
    "drift.accessor": "drift.notebook.accessor",
    "drift.checkpoint": "drift.training.checkpoint",
    "drift.clocks": "drift.metrics.clocks",
    "drift.code_version": "drift.files.code_version",
    "drift.compared_sources": "drift.comparison.sources",
    "drift.conventions": "drift.comparison.conventions",
    "drift.denoising_probes": "drift.training.probes.differentiable",
    "drift.denoising_snapshot": "drift.training.probes.snapshot",
    "drift.designs": "drift.observation.designs",
    "drift.downloads": "drift.files.downloads",
    "drift.engines": "drift.training.engines",
    "drift.engines.base": "drift.training.engines.base",
    "drift.engines.batched": "drift.training.engines.batched",
    "drift.engines.compiled": "drift.loops.compiled",
    "drift.engines.direct_gradient": "drift.training.engines.direct_gradient",
    "drift.engines.draws": "drift.training.engines.draws",
    "drift.engines.fused": "drift.training.engines.fused",
    "drift.engines.fused_kernels": "drift.training.engines.fused_kernels",
    "drift.engines.input_noise": "drift.training.engines.input_noise",
    "drift.engines.minibatch": "drift.training.engines.minibatch",
    "drift.engines.normals": "drift.loops.normals",
    "drift.engines.objective": "drift.networks.objective",
    "drift.reporting.frame": "drift.comparison.rows",
    "drift.training.engines.objective": "drift.networks.objective",
    "drift.engines.products": "drift.loops.products",
    "drift.engines.vectors": "drift.loops.vectors",
    "drift.event_counting": "drift.measurement.event_counting",
    "drift.interrupts": "drift.training.interrupts",
    "drift.lens": "drift.observation.lens",
    "drift.locks": "drift.files.locks",
    "drift.longitudinal": "drift.measurement.joining",
    "drift.map_labels": "drift.plots.labels",
    "drift.map_plots": "drift.plots.rate_maps",
    "drift.metrics.bias": "drift.metrics.information.bias",
    "drift.metrics.centroids": "drift.metrics.stability.centroids",
    "drift.metrics.corrected": "drift.metrics.information.corrected",
    "drift.metrics.events": "drift.metrics.information.events",
    "drift.metrics.field_fits": "drift.metrics.sparse_codes.field_fits",
    "drift.metrics.keys": "drift.metrics.sparse_codes.keys",
    "drift.metrics.lags": "drift.metrics.time_course.lags",
    "drift.metrics.nearest_images": "drift.metrics.sparse_codes.nearest_images",
    "drift.metrics.pairs": "drift.metrics.stability.pairs",
    "drift.metrics.significance": "drift.metrics.information.significance",
    "drift.metrics.sparsification": "drift.metrics.time_course.sparsification",
    "drift.metrics.subsampling": "drift.metrics.information.subsampling",
    "drift.metrics.thresholds": "drift.metrics.sparse_codes.thresholds",
    "drift.null_models": "drift.observation.null_models",
    "drift.own_content": "drift.files.own_content",
    "drift.plots.decoding_curves": "drift.plots.stability.decoding_curves",
    "drift.plots.life_tables": "drift.plots.stability.life_tables",
    "drift.probes": "drift.training.probes.network",
    "drift.published": "drift.comparison.published",
    "drift.records": "drift.training.records",
    "drift.rich_html": "drift.html",
    "drift.running": "drift.measurement.running_samples",
    "drift.seal": "drift.files.seal",
    "drift.selection": "drift.schema.selection",
    "drift.shown_comparison": "drift.comparison.notebook_table",
    "drift.sparse_plots": "drift.plots.sparse_codes",
    "drift.speeds": "drift.measurement.speeds",
    "drift.store": "drift.files.store",
    "drift.sweep": "drift.sweeps.sweep",
    "drift.sweep_executors": "drift.sweeps.executors",
    "drift.sweep_files": "drift.sweeps.files",
    "drift.sweep_list": "drift.sweeps.task_list",
    "drift.sweep_presets": "drift.sweeps.presets",
    "drift.sweep_tasks": "drift.sweeps.tasks",
    "drift.tables": "drift.files.csv",
    "drift.theory.bivariate_normal": "drift.theory.kernels.normal_pairs",
    "drift.theory.code_similarity": "drift.theory.code_drift.similarity",
    "drift.theory.curvature_spectrum": "drift.theory.landscape.spectrum",
    "drift.theory.depth": "drift.theory.kernels.depth",
    "drift.theory.drift_estimation": "drift.theory.code_drift.estimation",
    "drift.theory.drift_prediction": "drift.theory.code_drift.prediction",
    "drift.theory.drifting_readout": "drift.theory.code_drift.readout",
    "drift.theory.estimation_bias": "drift.theory.code_drift.estimation_bias",
    "drift.theory.implicit_loss": "drift.theory.input_noise.terms",
    "drift.theory.kernel_checks": "drift.theory.kernels.checks",
    "drift.theory.kernel_forms": "drift.theory.kernels.integrals",
    "drift.theory.kernel_gradients": "drift.theory.kernels.gradients",
    "drift.theory.kernel_moments": "drift.theory.kernels.moments",
    "drift.theory.kernel_networks": "drift.theory.kernels.finite_layers",
    "drift.theory.kernel_pooling": "drift.theory.kernels.pooling",
    "drift.theory.kernel_references": "drift.theory.kernels.references",
    "drift.theory.kernel_regression": "drift.theory.generalisation.measurement",
    "drift.theory.kernel_sheets": "drift.theory.kernels.sheets",
    "drift.theory.kernel_tables": "drift.theory.kernels.tables",
    "drift.theory.landscape_probe": "drift.training.probes.curvature",
    "drift.theory.loss_plateaus": "drift.theory.landscape.plateaus",
    "drift.theory.network_weights": "drift.theory.input_noise.weights",
    "drift.theory.noise_monitor": "drift.theory.landscape.monitor",
    "drift.theory.output_objectives": "drift.theory.input_noise.objectives",
    "drift.theory.phase_motion": "drift.metrics.time_course.phase_motion",
    "drift.theory.phases": "drift.metrics.time_course.phases",
    "drift.theory.place_fields": "drift.theory.code_drift.place_fields",
    "drift.theory.prediction_plots": "drift.plots.predictions",
    "drift.theory.recorded_sums": "drift.theory.code_drift.recorded_sums",
    "drift.theory.rectified_normal": "drift.theory.input_noise.rectified_normal",
    "drift.theory.regression_checks": "drift.theory.generalisation.checks",
    "drift.theory.regularisers": "drift.theory.landscape.regularisers",
    "drift.theory.ridge_solution": "drift.theory.generalisation.ridge_solution",
    "drift.theory.sampled_implicit_loss": "drift.theory.input_noise.sampled",
    "drift.theory.sampled_kernels": "drift.theory.kernels.sampled",
    "drift.theory.sampled_top_k_drift": "drift.theory.code_drift.sampled",
    "drift.theory.small_noise": "drift.theory.input_noise.series",
    "drift.theory.top_k_drift": "drift.theory.code_drift.closed_forms",
    "drift.theory.toy_landscape": "drift.theory.landscape.toy",
    "drift.time_scale": "drift.comparison.time_scale",
    "drift.trajectory": "drift.observation.laps",
    "drift.whole_files": "drift.files.atomic",
    "drift.widgets": "drift.notebook.widgets",
    "drift.widgets.canvas": "drift.notebook.widgets.canvas",
    "drift.widgets.maps": "drift.notebook.widgets.maps",
    "drift.widgets.noise": "drift.notebook.widgets.noise",
}


class _FormerName:
    """Gives a module under its former name as well."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module under its new name."""
        name = NEW_NAMES[spec.name]
        warnings.warn(f"{spec.name} is now {name}", DeprecationWarning, stacklevel=2)
        module = import_module(name)
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Leave the module as it is, under its own name."""
        module.__spec__ = module.__spec__.loader_state if module.__spec__ else None


class _FormerNames:
    """Finds what is not found elsewhere."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a former name leads."""
        if name not in NEW_NAMES:
            return None
        return ModuleSpec(name, _FormerName())  # type: ignore[arg-type]


def keep() -> None:
    """Let former names be imported; a second call changes nothing."""
    if not any(isinstance(finder, _FormerNames) for finder in sys.meta_path):
        sys.meta_path.insert(0, _FormerNames())
