"""From a prior to simulated windows: mechanisms, the codes that they move, what is seen of them."""
