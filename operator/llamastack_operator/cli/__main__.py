"""`python -m llamastack_operator.cli`, for where the script is not on the path."""

import sys

from llamastack_operator.cli import main

sys.exit(main())
