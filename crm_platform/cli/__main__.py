"""`python -m crm_platform.cli`: the same as `crm-platform`."""

from crm_platform.cli import main

main()
