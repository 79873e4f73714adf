"""From a prior to simulated windows: mechanisms, the codes that they move, and what is seen of them."""
