"""From cells, a track, a registration and what the caller says to session Datasets: what readers
of tools share."""
