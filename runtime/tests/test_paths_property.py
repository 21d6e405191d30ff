"""Random functions over every construct: counted they do the same, every logged line is accounted for, and where one run is
one path, runs have the same number exactly when they called the same things. On every Python of this machine."""

import subprocess
import sys
from pathlib import Path

import interpreters
import pytest

TRIAL = Path(__file__).parent / "path_trial.py"


def proved(python, first, programs):
    said = subprocess.run(
        [python, "-I", str(TRIAL), str(first), str(programs)], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr[-4000:]
    ran, runs, accounted, told_apart = (int(part.split()[0]) for part in said.stdout.split(", "))
    assert ran > programs * 0.9 and runs == 8 * ran
    return accounted, told_apart


@pytest.mark.parametrize("python", interpreters.parameters())
def test_counting_changes_nothing_and_numbers_tell_paths_apart(python):
    accounted, told_apart = proved(python, 0, 90)
    assert accounted > 200 and told_apart > 40


def test_more_programs_on_the_python_that_runs_the_tests():
    accounted, told_apart = proved(sys.executable, 10_000, 300)
    assert accounted > 900 and told_apart > 150
