from __future__ import annotations

import subprocess
import sys


def test_scoring_loads_neither_torch_nor_scikit_learn_nor_the_database():
    loaded = (
        "import sys, edupulse.risk.assessment;"
        "print({'torch', 'sklearn', 'sqlalchemy', 'onnx'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True)
    assert answer.stdout.strip() == "set()", answer.stderr
