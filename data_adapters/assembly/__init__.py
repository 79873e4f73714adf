"""From cells, a track, a registration and what the caller says to session Datasets: what the readers
of tools share."""
