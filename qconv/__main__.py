"""``python -m qconv`` is the command ``qconv``."""

import sys

from qconv.cli import main

sys.exit(main())
