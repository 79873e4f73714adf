"""How alike two sessions are, unit by unit and place by place, in one room."""
