"""Many runs: lists of recipes, executors, one file a task."""
