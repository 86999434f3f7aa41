"""Run the command ``qconv`` as ``python -m qconv``."""

import sys

from qconv.cli import main

sys.exit(main())
