"""Beside the model, the collector brings numpy, cryptography and msgspec, and nothing else."""

import subprocess
import sys


def test_the_library_and_the_command_line_load_no_data_frames():
    script = (
        "import sys, countersign, countersign.cli\n"
        "heavy = {'pandas', 'polars', 'pyarrow', 'django', 'scipy', 'requests', 'diffprivlib'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_noise_needs_nothing_more():
    script = (
        "import sys, countersign.cli, countersign.noising\n"
        "from countersign.noise import Noise\n"
        "noise = Noise('discrete_gaussian', 20.0)\n"
        "assert len({noise.draw() for _ in range(100)}) > 5\n"
        "heavy = {'diffprivlib', 'sklearn', 'scipy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_who_only_reads_statements_loads_no_collector():
    script = (
        "import sys, countersign.statement, countersign.checks, countersign.dsse\n"
        "assert not {'numpy', 'countersign.collector', 'countersign.home'} & set(sys.modules)\n"
        "from countersign import Collector, Home, Refused\n"
        "assert {'countersign.collector', 'countersign.home'} <= set(sys.modules)\n"
        "assert not hasattr(countersign, 'Hope')\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_without_pyarrow_files_are_refused_with_advice():
    script = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from countersign.cli import _batches\n"
        "from countersign import Refused\n"
        "try: _batches(None, bool)\n"
        "except Refused as refusal: print(refusal)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout.startswith("file.needs_pyarrow")
