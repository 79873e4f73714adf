"""Pictures with handles for notebooks: move a slider over sessions, units or noise and watch the
code change.

They need ipywidgets (``pip install 'repdrift[notebook]'``) and draw with matplotlib. Pictures are
distinct in grey.
"""

from drift.notebook.widgets.maps import rate_map_slider, unit_browser
from drift.notebook.widgets.noise import noise_sliders

__all__ = ["noise_sliders", "rate_map_slider", "unit_browser"]
