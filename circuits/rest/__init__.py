"""Where circuits rest: fixed points, winners, and layers that can be differentiated."""
