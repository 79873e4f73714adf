"""For Jupyter: the accessor of Datasets, and widgets."""
