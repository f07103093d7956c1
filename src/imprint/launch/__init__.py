"""Run independent tasks in processes."""
