"""The list of long tests names tests that are there."""

from __future__ import annotations

import re

from checkout import CHECKOUT
from long_tests import LIST


def test_every_listed_test_is_there():
    listed = LIST.read_text().splitlines()
    texts = {
        name: (CHECKOUT / name).read_text() for name in {line.partition("::")[0] for line in listed}
    }
    for line in listed:
        file, _, test = line.partition("::")
        assert re.search(rf"def {test.partition('[')[0].rpartition('::')[2]}\b", texts[file]), line
    assert len(set(listed)) == len(listed) > 100
