"""The command line: ``imprint COMMAND``, its help and its completion."""

from imprint.cli.program import INTERNAL_ERROR, describe_failure, main, run

__all__ = ["INTERNAL_ERROR", "describe_failure", "main", "run"]
