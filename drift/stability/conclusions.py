"""What may be concluded of similarities: how long a code lasts, what noise and wrong matches alone
would make of it, and how much another room differs."""

from __future__ import annotations

from drift.comparison.beside_twins import sampling_noise
from drift.errors import RefusedInputError
from drift.metrics.stability.across_rooms import remapping
from drift.metrics.stability.sensitivity import wrong_matches
from drift.metrics.time_course.half_life import half_life
from drift.schema.map_dims import STIMULUS, map_dim
from drift.stability.absent import WHY
from drift.stability.material import Material
from drift.stability.similarity import Arrays, active_flags, compared_maps, require_halves

LIMITS = ("estimate", "lower", "upper")
NUMBERS = ("recorded", "frozen", "frozen_low", "frozen_high")


def lasting_time(material: Material) -> Arrays:
    """Half-life of the similarity without noise of each subject, or why there is none.

    Parameters
    ----------
    material : Material
    """
    require_halves(material)
    times = half_life(compared_maps(material), seed=material.rules.seed)
    names = {f"subject_{name}": f"half_life_{name}" for name in LIMITS}
    names |= {"subject_reason": "half_life_reason"}
    reasons = dict.fromkeys(filter(None, times["subject_reason"].values.tolist()))
    why = {WHY: f"{'; '.join(reasons)}."} if reasons else {}
    return {new: times[old].assign_attrs(why) for old, new in names.items()}


def noise_alone(material: Material) -> Arrays:
    """Measures beside those of frozen twins, with the verdict on each.

    Parameters
    ----------
    material : Material
    """
    rules = material.rules
    if rules.twins == 0:
        raise RefusedInputError("frozen twins were not drawn: ask for twins=20 or more.")
    if material.halves == "exact":
        raise RefusedInputError(
            "frozen twins are those of a recording, got rates without sampling noise: pass "
            "drift.observe(run, like=recorded)."
        )
    beside = sampling_noise(
        material.maps,
        draws=rules.twins,
        seed=rules.seed,
        smoothing=0.0 if map_dim(material.maps) == STIMULUS else rules.smoothing,
        minimum_events=rules.minimum_events,
    )
    named = zip(beside["measure"].values, beside["units"].values)
    units = {"units": ", ".join(f"{measure}: {unit}" for measure, unit in named)}
    numbers = {f"noise_{name}": beside[name].assign_attrs(units) for name in NUMBERS}
    texts = {f"noise_{name}": beside[name] for name in ("verdict", "sentence")}
    return {**numbers, "noise_p_value": beside["p_value"].assign_attrs(units="1"), **texts}


def wrong_matches_alone(material: Material) -> Arrays:
    """Rate of wrong matches from session to session that would explain all that was lost.

    Parameters
    ----------
    material : Material
    """
    require_halves(material)
    explained = wrong_matches(compared_maps(material), keep=active_flags(material))
    return {"wrong_matches_explaining_all": explained["rate_explaining_all"]}


def other_rooms(material: Material) -> Arrays:
    """How alike the codes of two environments are, and those of two sessions of one.

    Parameters
    ----------
    material : Material
    """
    across = remapping(
        material.maps,
        smoothing=material.rules.smoothing,
        keep=active_flags(material),
        seed=material.rules.seed,
    )
    return {f"remapping_{name}": array for name, array in across.data_vars.items()}
