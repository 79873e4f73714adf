"""Rate-based interneuron circuits that compute an approximate Top-K."""
