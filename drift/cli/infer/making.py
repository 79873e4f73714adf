"""Make a bank, train what is learned from it, and say what it is."""

from __future__ import annotations

import hashlib
from pathlib import Path

from drift.cli.lines.arguments import netcdf, told
from drift.cli.sweep import opened
from drift.files.store import save


def made_bank(
    path: Path,
    runs: int,
    small: bool,
    seed: int,
    executor: str,
    jobs: int | None,
    parameters: bool,
    overwrite: bool,
) -> None:
    """Write a bank and its estimators.

    Parameters
    ----------
    path : Path
        Of the bank; runs go to the folder ``STEM.runs`` beside it.
    runs, small, seed, executor, jobs, parameters, overwrite
        Of the command.
    """
    from drift.inference.bank import make_bank
    from drift.inference.estimators import estimators_path, save_estimators, trained
    from drift.inference.identifiability import identifiability
    from drift.inference.posterior import require_sbi
    from drift.inference.prior import Prior

    netcdf(path, overwrite)
    if parameters:
        require_sbi()
    prior = Prior.small() if small else Prior()
    folder = path.with_name(f"{path.stem}.runs")
    try:
        with opened(executor, jobs, {}) as where:
            bank = make_bank(folder, prior, runs=runs, seed=seed, executor=where)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"finished runs are kept in {folder}, the same command goes on with the rest."
        ) from None
    estimators = trained(bank, flows=parameters, seed=seed)
    save(bank.merge(identifiability(bank, estimators)), path, overwrite=overwrite)
    save_estimators(estimators, estimators_path(path))
    size, digest = path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()
    told(
        f"{bank.attrs['runs'] - bank.attrs['left_out']} runs ({bank.attrs['left_out']} diverged), "
        f"{bank.sizes['window']} windows, {bank.attrs['core_seconds'] / 3600:.2f} core-hours, "
        f"{size / 1e6:.1f} MB, sha256 {digest}",
        f"written: {path}, {estimators_path(path)}; runs in {folder}",
    )
