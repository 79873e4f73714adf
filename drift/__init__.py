"""Networks that keep learning under noise, and the measures of what becomes of their code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from drift import former_names
from drift.faces import lazily

if TYPE_CHECKING:  # in the order in which data flow: recipe, run, measures, theory, files
    from drift.experiment import Experiment
    from drift.tasks import (
        CorridorTask,
        ArenaTask,
        RecordedPath,
        RandomTask,
        SmoothedTask,
        RandomAutoencoderTask,
        SmoothedAutoencoderTask,
        PredictiveTask,
        ImageTask,
        TextTask,
        StoredTask,
    )
    from drift.tasks.worlds.arena import Arena, Block, Disc, Wall
    from drift.tasks.worlds.eyes import Camera, Rays
    from drift.tasks.worlds.motion import Laps, RandomWalk, RatMotion
    from drift.tasks.worlds.textures import Texture
    from drift.networks import Network, DenoisingNetwork, Transformer, Dropout, Excitability
    from drift.networks.inhibition import (
        TopK,
        SigmoidWindow,
        SampledTopK,
        ExplainingAway,
        Interneuron,
    )
    from drift.learners import SGD, Adam, StochasticErrorDescent
    from drift.noise import InputNoise, ImplicitNoise, LabelNoise, UpdateNoise, OnOff, Linear
    from drift.protocol import Protocol, Stage
    from drift.training.training import train
    from drift.measurement.measuring import measure
    from drift.measurement.event_counting import counted_events
    from drift.measurement.trial_intervals import trial_interval
    from drift.observation.observing import observe
    from drift.observation.maps_alone import observed_maps
    from drift.observation.designs import published_design, recording_design
    from drift.observation.solvable import wandering_fields, wandering_fields_correlation
    from drift.observation.null_models import frozen_code, wrong_registration, changed_behaviour
    from drift.stability.measuring import code_stability
    from drift.stability.geometry import drift_geometry
    from drift.planning.design import StudyDesign, study_like
    from drift.planning.effects import DriftRateEffect, ExperienceEffect, GroupEffect
    from drift.planning.grid import power
    from drift.planning.cheapest import cheapest_design
    from drift.comparison.comparing import compare
    from drift.comparison.beside_twins import sampling_noise
    from drift.comparison.explained import explained_changes
    from drift.comparison.table import comparison_table
    from drift.reporting.report import report
    from drift.reporting.recording_report import recording_report
    from drift.reporting.figure_set import figures
    from drift.sweeps.sweep import cross
    from drift.sweeps.presets import sample
    from drift.sweeps.sweep import run_sweep, open_sweep
    from drift.inference.inferring import infer
    from drift.metrics.time_course.phases import phases
    from drift.theory.landscape.monitor import noise_monitor
    from drift.theory.code_drift.prediction import predict
    from drift.theory.code_drift.estimation import estimate
    from drift.files.store import save, load
    from drift.files import csv as tables
    from drift.notebook import widgets
    from drift.schema.labelled_form import check
    from drift.streams import stream
    from drift.errors import RefusedInputError, SchemaError
    from drift.version import __version__

__getattr__, __dir__ = lazily(__name__)
former_names.keep()

if (
    "xarray" in sys.modules
):  # otherwise with the first Dataset: ``drift.schema.labelled_form`` registers ``dataset.drift``
    import drift.schema.accessor
