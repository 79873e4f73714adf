"""What is recorded of a network in each session."""
