"""Numbers by which mechanisms of drift are told apart: one function for simulated and recorded cells."""
