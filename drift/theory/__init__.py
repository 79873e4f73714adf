"""Theory without free parameters: what networks of infinite width compute, learn and forget."""
