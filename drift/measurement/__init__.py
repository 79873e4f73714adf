"""From sessions to the longitudinal form: who runs when, which place, which unit."""
